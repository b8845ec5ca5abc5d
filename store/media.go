package store

// Media describes the file of a message, as its sender describes it. The names in the tags are for
// ever: both back ends keep them.
type Media struct {
	MimeType  string `json:"mimeType,omitempty" bson:"mimetype"`
	FileName  string `json:"fileName,omitempty" bson:"filename"`
	Size      int64  `json:"size,omitempty" bson:"size"`       // bytes, as the sender says
	Seconds   int    `json:"seconds,omitempty" bson:"seconds"` // length of audio and video
	Width     int    `json:"width,omitempty" bson:"width"`
	Height    int    `json:"height,omitempty" bson:"height"`
	Pages     int    `json:"pages,omitempty" bson:"pages,omitempty"` // of a document
	Animated  bool   `json:"animated,omitempty" bson:"animated,omitempty"`
	SHA256    []byte `json:"sha256,omitempty" bson:"sha256,omitempty"`       // of the file itself
	Waveform  []byte `json:"waveform,omitempty" bson:"waveform,omitempty"`   // of a voice message: loudness in 64 steps, 0 to 100
	Thumbnail []byte `json:"thumbnail,omitempty" bson:"thumbnail,omitempty"` // a small JPEG, PNG or WebP
}
