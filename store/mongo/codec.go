package mongo

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// The names of fields in documents stand in tags: bson where a record has them, else the json ones
// by which the other back end writes the same record.

// codecOptions has the driver itself go by those tags.
func codecOptions() *options.BSONOptions { return &options.BSONOptions{UseJSONStructTags: true} }

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := bson.NewEncoder(bson.NewDocumentWriter(&b))
	e.UseJSONStructTags()
	err := e.Encode(v)
	return b.Bytes(), err
}

func unmarshal(raw []byte, v any) error {
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
	d.UseJSONStructTags()
	return d.Decode(v)
}
