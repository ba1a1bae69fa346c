// Package controlplane is etcd, the API server, the controller manager and the
// scheduler: their certificates and how each is started.
package controlplane

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/volume-durability/volume-durability/tests/cluster/guest/agent"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/node"
	"github.com/volume-durability/volume-durability/tests/cluster/pki"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
)

// Credentials are all that the control plane presents and trusts.
type Credentials struct {
	CA, EtcdCA, ProxyCA    string
	APIServer              pki.Pair // serving
	KubeletClient, Proxy   pki.Pair
	Etcd, EtcdClient       pki.Pair
	ServiceAccounts        pki.Pair
	Controllers, Scheduler string // kubeconfigs
	// Provisioner and Attacher are the kubeconfigs of the storage driver's sidecars.
	Provisioner, Attacher string
	Nodes                 map[string]node.Credentials
}

// proxyUser is the user as which the API server connects to extension API servers.
const proxyUser = "kube-apiserver-proxy-client"

// URL is the address of the API server.
var URL = fmt.Sprintf("https://%s:%d", layout.APIServer, layout.APIServerPort)

// Issue makes every certificate and kubeconfig of the cluster. etcd has an authority
// of its own, so that a client of Kubernetes cannot connect to etcd. The API server
// has another one as a proxy: extension API servers trust its statements about users.
func Issue() (Credentials, error) {
	if err := os.MkdirAll(layout.PKI, 0o700); err != nil {
		return Credentials{}, err
	}
	ca, err := pki.NewAuthority(layout.PKI, "ca")
	if err != nil {
		return Credentials{}, err
	}
	etcd, err := pki.NewAuthority(layout.PKI, "etcd-ca")
	if err != nil {
		return Credentials{}, err
	}
	proxy, err := pki.NewAuthority(layout.PKI, "proxy-ca")
	if err != nil {
		return Credentials{}, err
	}
	i := issuer{ca: ca}
	creds := Credentials{
		CA: ca.CertFile(), EtcdCA: etcd.CertFile(), ProxyCA: proxy.CertFile(),
		APIServer:     i.server(ca, "kube-apiserver", apiServerNames(), layout.APIServer, "127.0.0.1"),
		KubeletClient: i.client(ca, "kube-apiserver-kubelet-client", "kube-apiserver-kubelet-client"),
		Proxy:         i.client(proxy, proxyUser, proxyUser),
		Etcd:          i.server(etcd, "etcd", []string{"localhost"}, "127.0.0.1"),
		EtcdClient:    i.client(etcd, "etcd-client", "kube-apiserver"),
		Controllers:   i.kubeconfig("kube-controller-manager", "system:kube-controller-manager"),
		Scheduler:     i.kubeconfig("kube-scheduler", "system:kube-scheduler"),
		Provisioner:   i.kubeconfig("csi-provisioner", "csi-provisioner"),
		Attacher:      i.kubeconfig("csi-attacher", "csi-attacher"),
		Nodes:         map[string]node.Credentials{},
	}
	for _, n := range layout.Nodes() {
		creds.Nodes[n.Name] = i.node(n)
	}
	admin := i.kubeconfig("admin", "volume-durability-admin", "system:masters")
	if i.err == nil {
		i.err = os.Rename(admin, layout.Kubeconfig)
	}
	if i.err == nil {
		creds.ServiceAccounts, i.err = pki.KeyPair(layout.PKI, "service-accounts")
	}
	return creds, i.err
}

// MachineCredentials are those of a machine of its own and of its operator.
type MachineCredentials struct {
	CA string
	// Kubelet is of the node, Agent and Operator are of the two ends of the connection by
	// which the machine is controlled.
	Kubelet         node.Credentials
	Agent, Operator pki.Pair
}

// IssueMachine makes the certificates and kubeconfigs of a machine that joins the cluster.
func IssueMachine(n layout.Node) (MachineCredentials, error) {
	ca, err := pki.LoadAuthority(layout.PKI, "ca")
	if err != nil {
		return MachineCredentials{}, err
	}
	i := issuer{ca: ca}
	creds := MachineCredentials{
		CA: ca.CertFile(), Kubelet: i.node(n),
		Agent:    i.server(ca, "machine-"+n.Name, []string{n.Name}, n.IP.String()),
		Operator: i.client(ca, "machine-"+n.Name+"-operator", agent.User),
	}
	return creds, i.err
}

// OfMachine returns the certificates with which the operator of a machine connects to it.
func OfMachine(n layout.Node) (ca string, operator pki.Pair) {
	file := filepath.Join(layout.PKI, "machine-"+n.Name+"-operator")
	return filepath.Join(layout.PKI, "ca.crt"), pki.Pair{Cert: file + ".crt", Key: file + ".key"}
}

// apiServerNames are the DNS names under which clients reach the API server.
func apiServerNames() []string {
	const service = "kubernetes.default"
	return []string{"kubernetes", service, service + ".svc", service + ".svc.cluster.local", "localhost"}
}

// issuer signs one certificate after another until the first error.
type issuer struct {
	ca  *pki.Authority
	err error
}

func (i *issuer) server(a *pki.Authority, file string, names []string, addresses ...string) (pair pki.Pair) {
	if i.err == nil {
		pair, i.err = a.Server(file, names, addresses...)
	}
	return pair
}

func (i *issuer) client(a *pki.Authority, file, user string, groups ...string) (pair pki.Pair) {
	if i.err == nil {
		pair, i.err = a.Client(file, user, groups...)
	}
	return pair
}

func (i *issuer) node(n layout.Node) node.Credentials {
	return node.Credentials{
		ClientCA:   i.ca.CertFile(),
		Serving:    i.server(i.ca, "kubelet-"+n.Name+"-serving", []string{n.Name}, n.IP.String()),
		Kubeconfig: i.kubeconfig("kubelet-"+n.Name, "system:node:"+n.Name, "system:nodes"),
	}
}

// kubeconfig writes one that holds all it needs, readable by its owner only.
func (i *issuer) kubeconfig(file, user string, groups ...string) string {
	pair := i.client(i.ca, file, user, groups...)
	path := filepath.Join(layout.PKI, file+".kubeconfig")
	if i.err != nil {
		return path
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: URL, CertificateAuthority: i.ca.CertFile()}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificate: pair.Cert, ClientKey: pair.Key}
	config.Contexts["volume-durability"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: user}
	config.CurrentContext = "volume-durability"
	if i.err = clientcmdapi.FlattenConfig(config); i.err == nil {
		i.err = clientcmd.WriteToFile(*config, path)
	}
	return path
}

// auditPolicy records the metadata of every request, but not the objects.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
`

// Programs are the control plane's, in the order in which to start them.
func Programs(kubernetes string, c Credentials) ([]process.Program, error) {
	policy := filepath.Join(layout.State, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	etcdURL := fmt.Sprintf("https://127.0.0.1:%d", layout.EtcdPort)
	etcdPeer := fmt.Sprintf("https://127.0.0.1:%d", layout.EtcdPeerPort)
	program := func(name string, args ...string) process.Program {
		return process.Program{Name: name, Path: kubernetes, Args: append([]string{name}, args...)}
	}
	return []process.Program{
		program("etcd",
			"--name=volume-durability", "--data-dir="+filepath.Join(layout.State, "etcd"),
			"--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL,
			"--listen-peer-urls="+etcdPeer, "--initial-advertise-peer-urls="+etcdPeer,
			"--initial-cluster=volume-durability="+etcdPeer,
			"--cert-file="+c.Etcd.Cert, "--key-file="+c.Etcd.Key, "--client-cert-auth", "--trusted-ca-file="+c.EtcdCA,
			"--peer-cert-file="+c.Etcd.Cert, "--peer-key-file="+c.Etcd.Key,
			"--peer-client-cert-auth", "--peer-trusted-ca-file="+c.EtcdCA,
			"--enable-grpc-gateway=false", // it would have to be a client of its own
			// A throw-away cluster need not survive the machine.
			"--unsafe-no-fsync", "--log-level=warn"),
		program(APIServer,
			"--etcd-servers="+etcdURL, "--etcd-cafile="+c.EtcdCA,
			"--etcd-certfile="+c.EtcdClient.Cert, "--etcd-keyfile="+c.EtcdClient.Key,
			"--bind-address="+layout.APIServer, fmt.Sprintf("--secure-port=%d", layout.APIServerPort),
			"--advertise-address="+layout.APIServer,
			"--service-cluster-ip-range="+layout.ServiceCIDR,
			"--tls-cert-file="+c.APIServer.Cert, "--tls-private-key-file="+c.APIServer.Key, "--client-ca-file="+c.CA,
			"--kubelet-client-certificate="+c.KubeletClient.Cert, "--kubelet-client-key="+c.KubeletClient.Key,
			"--kubelet-certificate-authority="+c.CA, "--kubelet-preferred-address-types=InternalIP",
			"--requestheader-client-ca-file="+c.ProxyCA, "--requestheader-allowed-names="+proxyUser,
			"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file="+c.Proxy.Cert, "--proxy-client-key-file="+c.Proxy.Key,
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file="+c.ServiceAccounts.Cert,
			"--service-account-signing-key-file="+c.ServiceAccounts.Key,
			"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction,PodSecurity",
			"--anonymous-auth=false", "--allow-privileged=true",
			"--audit-policy-file="+policy, "--audit-log-path="+layout.AuditLog,
			"--audit-log-maxsize=200", "--audit-log-maxbackup=1"),
		program("kube-controller-manager",
			"--kubeconfig="+c.Controllers,
			"--authentication-kubeconfig="+c.Controllers, "--authorization-kubeconfig="+c.Controllers,
			"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", layout.ControllerPort), "--leader-elect=false",
			"--root-ca-file="+c.CA, "--service-account-private-key-file="+c.ServiceAccounts.Key,
			"--use-service-account-credentials",
			"--cert-dir="+layout.PKI),
		program("kube-scheduler",
			"--kubeconfig="+c.Scheduler, "--authentication-kubeconfig="+c.Scheduler, "--authorization-kubeconfig="+c.Scheduler,
			"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", layout.SchedulerPort), "--leader-elect=false",
			"--cert-dir="+layout.PKI),
	}, nil
}

// APIServer is what the API server is called among the cluster's programs.
const APIServer = "kube-apiserver"

// Names of the control plane's programs.
func Names() []string { return append([]string{"etcd", APIServer}, Watchers()...) }

// Watchers are those that watch the API server, and keep nothing themselves.
func Watchers() []string { return []string{"kube-controller-manager", "kube-scheduler"} }
