package mongo

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/media"
	"whatsapp-api/media/mediatest"
	"whatsapp-api/store/mongo/mongotest"
)

// openBlobs is for a child of the suite, which is killed in the end.
func openBlobs(address string) (media.Blobs, error) {
	s, err := Open(context.Background(), Config{URI: address})
	if err != nil {
		return nil, err
	}
	return s.Blobs(), nil
}

func TestBlobs(t *testing.T) {
	mediatest.Run(t, mediatest.Opener{
		Open: func(t *testing.T) (media.Blobs, string, func() media.Blobs) {
			uri := mongotest.Lone(t)
			return openIdle(t, uri).Blobs(), uri, func() media.Blobs { return openIdle(t, uri).Blobs() }
		},
		Full: func(t *testing.T) media.Blobs {
			s := mongotest.Start(t, false)
			b := openIdle(t, s.URI("files")).Blobs()
			noRoom(t, s.URI("files"))
			return b
		},
		Away: func(t *testing.T) (media.Blobs, func(), func()) {
			server := mongotest.Start(t, false)
			s, err := open(t.Context(), Config{URI: server.URI("files"), Timeout: 2 * time.Second}, pace{time.Hour, time.Hour, time.Hour})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s.Blobs(), func() { require.NoError(t, server.Kill()) }, func() { require.NoError(t, server.Restart()) }
		},
	})
}

// noRoom has a server say of all that is written that its disk is full.
func noRoom(t *testing.T, uri string) {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	require.NoError(t, err)
	command := bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: "alwaysOn"}, {Key: "data", Value: bson.D{
		{Key: "failCommands", Value: bson.A{"insert"}}, {Key: "errorCode", Value: 14031},
	}}}
	require.NoError(t, client.Database("admin").RunCommand(t.Context(), command).Err())
	require.NoError(t, client.Disconnect(t.Context()))
}

// TestRemoveBlobBesidePut puts a file that is removed at the same time: what was put after the time of
// the removal stays.
func TestRemoveBlobBesidePut(t *testing.T) {
	t.Parallel()
	b := openIdle(t, mongotest.Lone(t)).Blobs()
	put := func() media.Blob {
		blob, err := b.Put(t.Context(), bytes.NewReader([]byte("file")), 10)
		require.NoError(t, err)
		return blob
	}
	sum := put().Sum
	for range 50 {
		before := time.Now().UTC().Truncate(time.Millisecond)
		var removing sync.WaitGroup
		var err error
		removing.Go(func() { _, err = b.Remove(t.Context(), sum, before) })
		put()
		removing.Wait()
		require.NoError(t, err)
		r, err := b.Open(t.Context(), sum, 0, -1)
		require.NoError(t, err)
		got := make([]byte, 10)
		n, _ := r.Read(got)
		require.Equal(t, "file", string(got[:n]))
	}
}
