// Package image writes container images as tar files, without a registry and
// without a Docker engine, and loads them into a node.
package image

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
)

// Recipe is the last stage of a Dockerfile, as far as the test cluster needs it.
type Recipe struct {
	From       string
	Copies     []Copy
	User       string
	WorkDir    string
	Entrypoint []string
	Cmd        []string
	Env        []string
	Labels     map[string]string
}

// Copy takes files from an earlier stage.
type Copy struct {
	Sources []string
	Target  string
}

// ParseDockerfile reads the last stage of a Dockerfile: FROM, COPY --from, USER,
// WORKDIR, ENTRYPOINT, CMD, ENV and LABEL. Anything else in that stage is an
// error, so that the test image cannot silently differ from the real one.
// Arguments that were declared before it are replaced by their defaults.
func ParseDockerfile(content string) (Recipe, error) {
	var r Recipe
	var problem error // in the current stage; problems of earlier stages are ignored
	args := map[string]string{}
	for _, line := range instructions(content) {
		keyword, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		switch keyword = strings.ToUpper(keyword); keyword {
		case "FROM":
			base, _, _ := strings.Cut(rest, " ")
			r, problem = Recipe{From: expand(base, args)}, nil
		case "ARG":
			name, value, _ := strings.Cut(rest, "=")
			args[name] = value
		default:
			if err := r.add(keyword, expand(rest, args)); problem == nil {
				problem = err
			}
		}
	}
	if r.From == "" {
		return r, fmt.Errorf("dockerfile: no FROM")
	}
	if problem != nil {
		return r, fmt.Errorf("dockerfile: %w", problem)
	}
	return r, nil
}

// instructions returns the instructions with continued lines joined and without comments.
func instructions(content string) []string {
	var all []string
	var current strings.Builder
	lines := bufio.NewScanner(strings.NewReader(content))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		more := strings.HasSuffix(line, `\`)
		current.WriteString(strings.TrimSuffix(line, `\`))
		if more {
			current.WriteByte(' ')
			continue
		}
		all = append(all, current.String())
		current.Reset()
	}
	return all
}

// expand replaces declared arguments. Others are left unchanged.
func expand(s string, args map[string]string) string {
	return os.Expand(s, func(name string) string {
		if value, declared := args[name]; declared {
			return value
		}
		return "${" + name + "}"
	})
}

func (r *Recipe) add(keyword, rest string) (err error) {
	switch keyword {
	case "COPY":
		return r.addCopy(strings.Fields(rest))
	case "USER":
		r.User = rest
	case "WORKDIR":
		r.WorkDir = rest
	case "ENTRYPOINT":
		r.Entrypoint, err = execForm(keyword, rest)
	case "CMD":
		r.Cmd, err = execForm(keyword, rest)
	case "ENV":
		pairs, err := pairs(keyword, rest)
		for _, p := range pairs {
			r.Env = append(r.Env, p[0]+"="+p[1])
		}
		return err
	case "LABEL":
		pairs, err := pairs(keyword, rest)
		for _, p := range pairs {
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[p[0]] = p[1]
		}
		return err
	default:
		return fmt.Errorf("%s in the last stage is not supported", keyword)
	}
	return err
}

func (r *Recipe) addCopy(fields []string) error {
	fromStage := false
	for len(fields) > 0 && strings.HasPrefix(fields[0], "--") {
		if strings.HasPrefix(fields[0], "--from=") {
			fromStage = true
		} else {
			return fmt.Errorf("COPY %s is not supported", fields[0])
		}
		fields = fields[1:]
	}
	if !fromStage || len(fields) < 2 {
		return fmt.Errorf("COPY wants --from, at least one source and a target")
	}
	last := len(fields) - 1
	if len(fields) > 2 && !strings.HasSuffix(fields[last], "/") {
		return fmt.Errorf("COPY of several files wants a target that ends with /")
	}
	r.Copies = append(r.Copies, Copy{fields[:last], fields[last]})
	return nil
}

// TargetOf returns the path in the image of a source of the copy.
func (c Copy) TargetOf(source string) string {
	if strings.HasSuffix(c.Target, "/") {
		return path.Join(c.Target, path.Base(source))
	}
	return c.Target
}

func execForm(keyword, rest string) ([]string, error) {
	var list []string
	if err := json.Unmarshal([]byte(rest), &list); err != nil {
		return nil, fmt.Errorf("%s wants the form [\"program\", \"argument\"]: %w", keyword, err)
	}
	return list, nil
}

// pairs reads name=value and name="value with spaces".
func pairs(keyword, rest string) ([][2]string, error) {
	var all [][2]string
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		name, after, found := strings.Cut(rest, "=")
		if !found || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("%s wants name=value, got %q", keyword, rest)
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			value, rest, found = strings.Cut(after[1:], `"`)
			if !found {
				return nil, fmt.Errorf("%s %s: a quote is not closed", keyword, name)
			}
		} else {
			value, rest, _ = strings.Cut(after, " ")
		}
		all = append(all, [2]string{name, value})
	}
	return all, nil
}
