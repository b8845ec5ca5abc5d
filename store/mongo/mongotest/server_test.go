package mongotest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(Main(m))
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	for _, replicaSet := range []bool{false, true} {
		s := Start(t, replicaSet)
		ctx := t.Context()
		client, err := mongo.Connect(options.Client().ApplyURI(s.URI("x")).SetWriteConcern(writeconcern.Journaled()))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Disconnect(context.WithoutCancel(ctx))) })
		c := client.Database("x").Collection("c")
		_, err = c.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
		require.NoError(t, err)
		require.NoError(t, s.Kill())
		require.NoError(t, s.Restart())
		n, err := c.CountDocuments(ctx, bson.D{})
		require.NoError(t, err)
		require.Equal(t, int64(1), n)
	}
}

func TestEachTestHasItsDatabase(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, Lone(t), Lone(t))
	require.NotEqual(t, ReplicaSet(t), ReplicaSet(t))
}
