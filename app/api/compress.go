package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// compressFrom is the size of an answer, in bytes, from which on it is worth being compressed.
const compressFrom = 1 << 10

// compressed sends longer answers as zstd or gzip to those who take that. Streams are left as they are:
// their events have to go out at once, and they write with deadlines of their own. So are pages that
// are kept compressed.
func compressed(inner http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.EnableZstd(true))
	if err != nil { // only for options that contradict each other
		panic(err)
	}
	outer := wrap(inner)
	plain := slices.Concat(socketIOPaths, []string{"/ws", base + "/events"})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(plain, r.URL.Path) || strings.HasPrefix(r.URL.Path, "/docs") {
			inner.ServeHTTP(w, r)
			return
		}
		outer.ServeHTTP(w, r)
	})
}
