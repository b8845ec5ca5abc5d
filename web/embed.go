package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"net/http"
	"strings"
)

// pages holds the API's documentation page and the guide. The reader's script (Scalar 1.72.1, MIT) is stored
// compressed, as it is sent.
//
//go:embed docs
var pages embed.FS

const (
	script = "docs/scalar-1.72.1.js.gz"
	policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'"
)

// Docs serves the API's documentation at /docs and the guide below it, in each of its languages:
// /docs/en/start, /docs/es/start … All error codes are at /docs/errors.json, for front ends that show their texts.
// /docs/guide leads to the one that the reader's browser asks for.
func Docs() http.Handler {
	g := newGuide()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		switch at := strings.TrimSuffix(r.URL.Path, "/"); at {
		case "/docs":
			serve(w, r, "docs/index.html", "text/html; charset=utf-8")
		case "/docs/errors.json":
			serve(w, r, "docs/errors.json", "application/json")
		case "/docs/init.js":
			serve(w, r, "docs/init.js", "text/javascript; charset=utf-8")
		case "/docs/scalar.js":
			w.Header().Set("Cache-Control", "public, max-age=86400")
			serveScript(w, r)
		case "/docs/guide":
			w.Header().Set("Vary", "Accept-Language")
			http.Redirect(w, r, "/docs/"+preferred(r)+"/"+chapters[0], http.StatusFound)
		default:
			page, err := g.find(strings.TrimPrefix(at, "/docs/"))
			switch {
			case err != nil: // all of it is embedded
				http.Error(w, "damaged guide", http.StatusInternalServerError)
			case page == nil:
				http.NotFound(w, r)
			default:
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				write(w, r, page)
			}
		}
	})
}

func serve(w http.ResponseWriter, r *http.Request, name, kind string) {
	raw, err := pages.ReadFile(name)
	if err != nil { // it is embedded
		http.Error(w, "missing page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	write(w, r, raw)
}

// serveScript sends the compressed script as it is, or unpacked to who cannot unpack it.
func serveScript(w http.ResponseWriter, r *http.Request) {
	raw, err := pages.ReadFile(script)
	if err != nil {
		http.Error(w, "missing script", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		write(w, r, raw)
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err == nil {
		raw, err = io.ReadAll(z)
	}
	if err != nil {
		http.Error(w, "damaged script", http.StatusInternalServerError)
		return
	}
	write(w, r, raw)
}

// write sends a body; a client that left meanwhile is nobody's fault.
func write(w http.ResponseWriter, r *http.Request, raw []byte) {
	if r.Method != http.MethodHead {
		_, _ = w.Write(raw)
	}
}
