// The part of the oras command line that the tests use, on the library the real program is made of.
//
// Words and flags are those of oras 1.x, so that the real program can stand in its place:
//
//	oras pull   [--plain-http] [-o DIR] REF
//	oras push   [--plain-http] [--artifact-type TYPE] REF FILE[:TYPE]...
//	oras attach [--plain-http] --artifact-type TYPE REF FILE[:TYPE]...
//	oras cp     [-r] [--from-plain-http] [--to-plain-http] [--from-oci-layout] [--to-oci-layout] SRC DST
//	oras resolve        [--plain-http] REF
//	oras manifest fetch [--plain-http] [--descriptor] REF
//	oras discover       [--plain-http] [--artifact-type TYPE] REF     one line per referrer: DIGEST TYPE
//	oras version
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
)

var (
	flags        = pflag.NewFlagSet("oras", pflag.ExitOnError)
	plainHTTP    = flags.Bool("plain-http", false, "")
	fromPlain    = flags.Bool("from-plain-http", false, "")
	toPlain      = flags.Bool("to-plain-http", false, "")
	fromLayout   = flags.Bool("from-oci-layout", false, "")
	toLayout     = flags.Bool("to-oci-layout", false, "")
	recursive    = flags.BoolP("recursive", "r", false, "")
	descriptor   = flags.Bool("descriptor", false, "")
	artifactType = flags.String("artifact-type", "", "")
	output       = flags.StringP("output", "o", ".", "")
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	words := flags.Args()
	verb := strings.Join(words[:min(1, len(words))], " ")
	if verb == "manifest" {
		verb, words = strings.Join(words[:min(2, len(words))], " "), words[1:]
	}
	wanted := map[string]int{"version": 1, "pull": 2, "resolve": 2, "manifest fetch": 2, "discover": 2, "push": 3, "attach": 3, "cp": 3}[verb]
	if wanted == 0 || len(words) < wanted {
		return fmt.Errorf("unknown or incomplete command %q", strings.Join(flags.Args(), " "))
	}
	if verb == "version" {
		return version()
	}
	if verb == "cp" {
		return cp(ctx, words[1], words[2])
	}
	repository, reference, err := repositoryOf(words[1], *plainHTTP)
	if err != nil {
		return err
	}
	switch verb {
	case "pull":
		return pull(ctx, repository, reference)
	case "push":
		return push(ctx, repository, reference, nil, words[2:])
	case "discover":
		return discover(ctx, repository, reference)
	}
	subject, err := repository.Resolve(ctx, reference)
	switch {
	case err != nil:
		return err
	case verb == "attach":
		return push(ctx, repository, "", &subject, words[2:])
	case verb == "resolve":
		fmt.Println(subject.Digest)
		return nil
	case *descriptor:
		return json.NewEncoder(os.Stdout).Encode(subject)
	}
	manifest, err := repository.Fetch(ctx, subject)
	if err != nil {
		return err
	}
	defer manifest.Close()
	_, err = io.Copy(os.Stdout, manifest)
	return err
}

func version() error {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == "oras.land/oras-go/v2" {
			fmt.Println("oras commands on oras-go", dependency.Version)
		}
	}
	return nil
}

func repositoryOf(reference string, plain bool) (*remote.Repository, string, error) {
	repository, err := remote.NewRepository(reference)
	if err != nil {
		return nil, "", err
	}
	repository.PlainHTTP = plain
	return repository, repository.Reference.Reference, nil
}

func layoutOf(reference string) (oras.GraphTarget, string, error) {
	path, digest, found := strings.Cut(reference, "@")
	if !found {
		if colon := strings.LastIndex(reference, ":"); colon > strings.LastIndex(reference, "/") {
			path, digest = reference[:colon], reference[colon+1:]
		}
	}
	store, err := oci.New(path)
	return store, digest, err
}

func target(reference string, layout, plain bool) (oras.GraphTarget, string, error) {
	if layout {
		return layoutOf(reference)
	}
	return repositoryOf(reference, plain)
}

func cp(ctx context.Context, source, destination string) error {
	from, fromReference, err := target(source, *fromLayout, *fromPlain)
	if err != nil {
		return err
	}
	to, toReference, err := target(destination, *toLayout, *toPlain)
	if err != nil {
		return err
	}
	var copied v1.Descriptor
	if *recursive {
		copied, err = oras.ExtendedCopy(ctx, from, fromReference, to, toReference, oras.DefaultExtendedCopyOptions)
	} else {
		copied, err = oras.Copy(ctx, from, fromReference, to, toReference, oras.DefaultCopyOptions)
	}
	if err == nil {
		fmt.Println("Digest:", copied.Digest)
	}
	return err
}

func pull(ctx context.Context, repository *remote.Repository, reference string) error {
	files, err := file.New(*output)
	if err != nil {
		return err
	}
	defer files.Close()
	pulled, err := oras.Copy(ctx, repository, reference, files, "", oras.DefaultCopyOptions)
	if err == nil {
		fmt.Println("Digest:", pulled.Digest)
	}
	return err
}

func push(ctx context.Context, repository *remote.Repository, reference string, subject *v1.Descriptor, names []string) error {
	files, err := file.New("")
	if err != nil {
		return err
	}
	defer files.Close()
	options := oras.PackManifestOptions{Subject: subject}
	for _, name := range names {
		path, mediaType, _ := strings.Cut(name, ":")
		layer, err := files.Add(ctx, filepath.Base(path), mediaType, path)
		if err != nil {
			return err
		}
		options.Layers = append(options.Layers, layer)
	}
	kind := *artifactType
	if kind == "" {
		kind = "application/vnd.unknown.artifact.v1"
	}
	root, err := oras.PackManifest(ctx, files, oras.PackManifestVersion1_1, kind, options)
	if err != nil {
		return err
	}
	if reference == "" {
		reference = root.Digest.String()
	}
	if err := files.Tag(ctx, root, reference); err != nil {
		return err
	}
	_, err = oras.Copy(ctx, files, reference, repository, reference, oras.DefaultCopyOptions)
	if err == nil {
		fmt.Println("Digest:", root.Digest)
	}
	return err
}

func discover(ctx context.Context, repository *remote.Repository, reference string) error {
	subject, err := repository.Resolve(ctx, reference)
	if err != nil {
		return err
	}
	found, err := registry.Referrers(ctx, repository, subject, *artifactType)
	if err != nil {
		return errors.Join(errors.New("listing referrers"), err)
	}
	for _, referrer := range found {
		fmt.Println(referrer.Digest, referrer.ArtifactType)
	}
	return nil
}
