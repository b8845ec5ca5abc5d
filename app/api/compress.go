package api

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// compressFrom is the size of an answer, in bytes, from which on it is worth being compressed.
const compressFrom = 1 << 10

// compressed sends longer answers as zstd or gzip to those who take that. Plain routes are left as they
// are: the events of streams have to go out at once, and are written with deadlines of their own; some pages
// are kept compressed.
func compressed(inner http.Handler, routes []Route) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.EnableZstd(true))
	if err != nil { // only for options that contradict each other
		panic(err)
	}
	outer, asIs := wrap(inner), plain(routes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asIs(r.URL.Path) {
			inner.ServeHTTP(w, r)
			return
		}
		outer.ServeHTTP(w, r)
	})
}
