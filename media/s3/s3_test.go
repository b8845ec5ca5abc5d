package s3

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"whatsapp-api/media"
	"whatsapp-api/media/mediatest"
	"whatsapp-api/media/s3/s3test"
)

func TestMain(m *testing.M) {
	mediatest.Child(func(address string) (media.Blobs, error) { return Open(context.Background(), at(address)) })
	goleak.VerifyTestMain(m)
}

func at(endpoint string) Config {
	return Config{
		Endpoint: endpoint, Region: s3test.Region, Bucket: s3test.Bucket, Prefix: "a prefix/", Owner: "us",
		AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
	}
}

func openAt(t *testing.T, endpoint string) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), at(endpoint))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestBucket(t *testing.T) {
	mediatest.Run(t, mediatest.Opener{
		Open: func(t *testing.T) (media.Blobs, string, func() media.Blobs) {
			s := s3test.Start(t)
			return openAt(t, s.URL()), s.URL(), func() media.Blobs { return openAt(t, s.URL()) }
		},
		Full: func(t *testing.T) media.Blobs {
			s := s3test.Start(t)
			b := openAt(t, s.URL()) // which leaves its word before there is no room
			require.NoError(t, b.Close())
			return openAt(t, withoutRoom(t, s.URL()))
		},
		Away: func(t *testing.T) (media.Blobs, func(), func()) {
			s := s3test.Start(t)
			return openAt(t, s.URL()), func() { require.NoError(t, s.Kill()) }, func() { require.NoError(t, s.Restart()) }
		},
	})
}

// withoutRoom stands before a server and says of all that is written that its disk is full.
func withoutRoom(t *testing.T, upstream string) string {
	t.Helper()
	to, err := url.Parse(upstream)
	require.NoError(t, err)
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host }, // Host stays, it is signed
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusInsufficientStorage)
			_, _ = w.Write([]byte(`<Error><Code>XMinioStorageFull</Code><Message>full</Message></Error>`)) // who asks may be gone
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		front.Close()
		transport.CloseIdleConnections()
	})
	return front.URL
}

func TestOneOwnerABucket(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	openAt(t, s.URL())
	openAt(t, s.URL()) // another server with the same store
	cfg := at(s.URL())
	cfg.Owner = "them"
	_, err := Open(t.Context(), cfg)
	require.ErrorIs(t, err, media.ErrOwned)
	cfg.Prefix = ""
	b, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	cfg := at(s.URL())
	cfg.Bucket = "another"
	_, err := Open(t.Context(), cfg)
	require.ErrorContains(t, err, "bucket")
	cfg = at(s.URL())
	cfg.SecretKey = "wrong"
	_, err = Open(t.Context(), cfg)
	require.Error(t, err)
	require.NotErrorIs(t, err, media.ErrUnavailable)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = Open(t.Context(), at("http://"+l.Addr().String()))
	require.ErrorIs(t, err, media.ErrUnavailable)
}
