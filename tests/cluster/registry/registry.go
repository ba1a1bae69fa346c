// Package registry serves images to the nodes as a registry that demands a login. The nodes'
// containerd connects to a registry on loopback without TLS.
package registry

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Login is the user and the password that a registry demands.
type Login struct{ User, Password string }

// Handler returns a registry with an image from a tar file, which image.Write has written as
// ref. A client must log in. The image has the repository and the tag of ref.
func Handler(file, ref string, login Login) (http.Handler, error) {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return nil, err
	}
	img, err := tarball.ImageFromPath(file, &tag)
	if err != nil {
		return nil, fmt.Errorf("reading image %s from %s: %w", ref, file, err)
	}
	if img, err = withOwnID(img); err != nil {
		return nil, fmt.Errorf("changing the ID of image %s: %w", ref, err)
	}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if err := push(images, img, tag); err != nil {
		return nil, fmt.Errorf("pushing image %s: %w", ref, err)
	}
	return login.demandedBy(images), nil
}

// withOwnID returns the image with another ID. Once a kubelet has pulled an image with a secret, it pulls the image of
// this ID again for pods without the secret, even if the image had been loaded under another name (the default of
// Kubernetes 1.35: KubeletEnsureSecretPulledImages).
func withOwnID(img v1.Image) (v1.Image, error) {
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := file.Config.DeepCopy()
	if config.Labels == nil {
		config.Labels = map[string]string{}
	}
	config.Labels["registry"] = rand.Text()
	return mutate.Config(img, *config)
}

// demandedBy returns a handler that rejects requests without the login.
func (l Login) demandedBy(images http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		sent, wanted := []byte(user+":"+password), []byte(l.User+":"+l.Password)
		if subtle.ConstantTimeCompare(sent, wanted) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="test registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"log in first"}]}`, http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	})
}

// push uploads the layers, the configuration and the manifest of an image. It sends the
// requests to the handler itself: the client of the module would need a listener, and brings
// the dependencies of Docker's credential helpers.
func push(images http.Handler, img v1.Image, tag name.Tag) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		if err := uploadBlob(images, tag, digest, content); err != nil {
			return err
		}
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	digest, err := img.ConfigName()
	if err != nil {
		return err
	}
	if err := uploadBlob(images, tag, digest, bytes.NewReader(config)); err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	mediaType, err := img.MediaType()
	if err != nil {
		return err
	}
	path := "/v2/" + tag.RepositoryStr() + "/manifests/" + tag.TagStr()
	return send(images, http.MethodPut, path, string(mediaType), bytes.NewReader(manifest))
}

func uploadBlob(images http.Handler, tag name.Tag, digest v1.Hash, content io.Reader) error {
	path := "/v2/" + tag.RepositoryStr() + "/blobs/uploads/?digest=" + url.QueryEscape(digest.String())
	return send(images, http.MethodPost, path, "application/octet-stream", content)
}

func send(images http.Handler, method, path, contentType string, content io.Reader) error {
	request := httptest.NewRequest(method, path, content)
	request.Header.Set("Content-Type", contentType)
	answer := httptest.NewRecorder()
	images.ServeHTTP(answer, request)
	if answer.Code != http.StatusCreated {
		return fmt.Errorf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	return nil
}
