package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/media"
	"whatsapp-api/media/folder"
)

const (
	mediaFolder = "media" // in DataDir
	// maxUpload is how large a file may be, encrypted.
	maxUpload = 2<<30 + 1<<20
	// mediaConnLasts is how long clients need not ask again where the media server is.
	mediaConnLasts = time.Hour
	// slowStep is after how many bytes a slow link pauses.
	slowStep = 64 << 10
)

// mediaTypes are the kinds of files that clients upload, as they stand in the path.
var mediaTypes = []string{"image", "video", "audio", "document", "md-msg-hist", "md-app-state", "sticker-pack", "thumbnail-link"}

// openMedia opens the folder of the files that clients upload: in the data, or one that is gone with
// the server.
func (s *Server) openMedia(dataDir string) error {
	dir := filepath.Join(dataDir, mediaFolder)
	if dataDir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "sandbox-media-"); err != nil {
			return fmt.Errorf("sandbox media: %w", err)
		}
		s.mediaTemp = dir
	}
	f, err := folder.Open(dir, "sandbox")
	if err != nil {
		return fmt.Errorf("sandbox media: %w", err)
	}
	s.media = f
	return nil
}

func (s *Server) closeMedia() (err error) {
	if s.media != nil {
		err = s.media.Close()
	}
	if s.mediaTemp != "" {
		err = errors.Join(err, os.RemoveAll(s.mediaTemp))
	}
	return err
}

// mediaAuth is what clients show when they upload. It stays the same when the server starts anew, since
// clients remember it.
func (s *Server) mediaAuth() string {
	sum := sha256.Sum256(append([]byte("media "), s.keys.Static[:]...))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// media names the host of files.
func (q *query) media() ([]node, *iqError) {
	if _, ok := childOf(q.node, "media_conn"); !ok {
		return q.unknown()
	}
	lasts := fmt.Sprint(int(mediaConnLasts.Seconds()))
	return []node{el("media_conn", attrs{"auth": q.server.mediaAuth(), "ttl": lasts, "auth_ttl": lasts, "max_buckets": "12"},
		el("host", attrs{"hostname": q.server.info.MediaHost, "type": "primary"}))}, nil
}

// mediaSide serves files under the paths that clients use.
func (s *Server) mediaSide(mux *http.ServeMux) {
	for pattern, serve := range map[string]http.HandlerFunc{
		"POST /mms/{type}/{token}":   s.upload,
		"DELETE /mms/{type}/{token}": s.forgetUpload,
		"GET /v/{name}":              s.download,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.wg.Add(1)
			defer s.wg.Done()
			serve(w, r)
		})
	}
}

// mediaError answers without the fields url and direct_path, by which clients know success.
func mediaError(w http.ResponseWriter, status int) {
	http.Error(w, http.StatusText(status), status)
}

// mayUpload checks type and auth, and reads the token: the SHA-256 of the encrypted file, in base64
// with or without padding.
func (s *Server) mayUpload(w http.ResponseWriter, r *http.Request) (sum media.Sum, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(r.PathValue("token"), "="))
	switch {
	case !slices.Contains(mediaTypes, r.PathValue("type")), err != nil, len(raw) != len(sum):
		mediaError(w, http.StatusBadRequest)
	case r.URL.Query().Get("auth") != s.mediaAuth():
		mediaError(w, http.StatusUnauthorized)
	default:
		return media.Sum(raw), true
	}
	return sum, false
}

// upload keeps an encrypted file, if it has the hash that its token says.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	sum, ok := s.mayUpload(w, r)
	if !ok {
		return
	}
	if f, ok := s.faults.take(FaultUpload, nil); ok {
		mediaError(w, f.Code)
		return
	}
	body := &slowLink{s: s, ctx: r.Context(), r: r.Body}
	body.delay = s.slowness()
	blob, err := s.media.Put(r.Context(), checked{body, sum}.reader(), maxUpload)
	switch {
	case errors.Is(err, errOtherHash):
		mediaError(w, http.StatusUnprocessableEntity)
		return
	case errors.Is(err, media.ErrTooLarge):
		mediaError(w, http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		s.log.Debug("upload not kept", zap.Error(err))
		mediaError(w, http.StatusInternalServerError)
		return
	}
	path := directPath(blob.Sum)
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]string{"url": "https://" + s.info.MediaHost + path, "direct_path": path}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		s.log.Debug("upload not answered", zap.Error(err))
	}
}

// directPath is where a file is found. Clients add what they like with &, so there is a question mark.
func directPath(sum media.Sum) string {
	return "/v/" + sum.String() + "?ccb=11-4&oh=sandbox&oe=sandbox"
}

// forgetUpload answers clients that have read the file of a history. It stays, since it may be forwarded.
func (s *Server) forgetUpload(w http.ResponseWriter, r *http.Request) { s.mayUpload(w, r) }

// download serves a file, or a range of it.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	if f, ok := s.faults.take(FaultDownload, nil); ok {
		mediaError(w, f.Code)
		return
	}
	sum, err := media.ParseSum(r.PathValue("name"))
	var blob media.Blob
	if err == nil {
		blob, err = s.media.Stat(r.Context(), sum)
	}
	if err != nil {
		mediaError(w, http.StatusNotFound)
		return
	}
	file := media.NewReader(r.Context(), s.media, blob)
	defer func() {
		if err := file.Close(); err != nil {
			s.log.Debug("file not closed", zap.Error(err))
		}
	}()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+sum.String()+`"`)
	slow := &slowLink{s: s, ctx: r.Context(), r: file, delay: s.slowness()}
	http.ServeContent(w, r, "", blob.At, struct {
		io.Reader
		io.Seeker
	}{slow, file})
}

var errOtherHash = errors.New("the file has another hash than its token says")

// checked is a file that must have a hash.
type checked struct {
	r    io.Reader
	want media.Sum
}

func (c checked) reader() io.Reader {
	hash := sha256.New()
	return io.MultiReader(io.TeeReader(c.r, hash), readerFunc(func([]byte) (int, error) {
		if media.Sum(hash.Sum(nil)) != c.want {
			return 0, errOtherHash
		}
		return 0, io.EOF
	}))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// slowness is how long the next file pauses after each slowStep bytes.
func (s *Server) slowness() time.Duration {
	f, _ := s.faults.take(FaultSlowMedia, nil)
	return f.delay()
}

// slowLink reads at the pace of a slow link; without a delay, at once.
type slowLink struct {
	s     *Server
	ctx   context.Context
	r     io.Reader
	delay time.Duration
}

func (l *slowLink) Read(p []byte) (int, error) {
	if l.delay == 0 {
		return l.r.Read(p)
	}
	timer := time.NewTimer(l.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return l.r.Read(p[:min(len(p), slowStep)])
	case <-l.ctx.Done():
		return 0, l.ctx.Err()
	case <-l.s.ctx.Done():
		return 0, l.s.ctx.Err()
	}
}
