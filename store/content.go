package store

// Quoted is the message that a message answers, as it was quoted.
type Quoted struct {
	ID     string `json:"id" bson:"id"`
	Chat   string `json:"chat,omitempty" bson:"chat,omitempty"` // key of its chat when it stands in another one
	Sender string `json:"sender" bson:"sender"`                 // key of the person
	Type   string `json:"type" bson:"type"`
	Text   string `json:"text" bson:"text"`
}

// Media describes the file of a message.
type Media struct {
	MimeType string `json:"mimeType" bson:"mimetype"`
	FileName string `json:"fileName" bson:"filename"`
	Size     int64  `json:"size" bson:"size"`       // bytes, as the sender says
	Seconds  int    `json:"seconds" bson:"seconds"` // length of audio and video
	Width    int    `json:"width" bson:"width"`
	Height   int    `json:"height" bson:"height"`
}

// Content is what a message says beyond its text.
type Content struct {
	ViewOnce bool `json:"viewOnce,omitempty" bson:"viewOnce,omitempty"`
}

// Live is what others made of a message since.
type Live struct {
	Starred bool `json:"starred,omitempty" bson:"starred,omitempty"`
}
