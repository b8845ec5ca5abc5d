package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

func readImage(m *waE2E.Message, r *Reading) {
	x := m.GetImageMessage()
	r.Type, r.Text, r.Media, r.Content.ViewOnce = TypeImage, x.GetCaption(), imageOf(x), x.GetViewOnce()
}

func readVideo(m *waE2E.Message, r *Reading) {
	x := m.GetVideoMessage()
	r.Type, r.Text, r.Media, r.Content.ViewOnce = TypeVideo, x.GetCaption(), videoOf(x), x.GetViewOnce()
	if x.GetGifPlayback() {
		r.Type = TypeGIF
	}
}

func readPTV(m *waE2E.Message, r *Reading) {
	x := m.GetPtvMessage()
	r.Type, r.Text, r.Media, r.Content.ViewOnce = TypePTV, x.GetCaption(), videoOf(x), x.GetViewOnce()
}

func readAudio(m *waE2E.Message, r *Reading) {
	x := m.GetAudioMessage()
	r.Type, r.Content.ViewOnce = TypeAudio, x.GetViewOnce()
	r.Media = &store.Media{MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Seconds: count(x.GetSeconds()), SHA256: x.GetFileSHA256()}
	if x.GetPTT() {
		r.Type, r.Media.Waveform = TypeVoice, x.GetWaveform()
	}
}

func readDocument(m *waE2E.Message, r *Reading) {
	x := m.GetDocumentMessage()
	r.Type, r.Text, r.Media = TypeDocument, x.GetCaption(), documentOf(x)
}

func readSticker(m *waE2E.Message, r *Reading) {
	x := m.GetStickerMessage()
	r.Type = TypeSticker
	r.Media = &store.Media{
		MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Width: count(x.GetWidth()), Height: count(x.GetHeight()),
		Animated: x.GetIsAnimated() || x.GetIsLottie() || r.Flags.any(FlagLottie), SHA256: x.GetFileSHA256(), Thumbnail: x.GetPngThumbnail(),
	}
}

// readStickerPack tells the name of a pack; a pack is no type that is understood further.
func readStickerPack(m *waE2E.Message, r *Reading) {
	x := m.GetStickerPackMessage()
	r.Text = firstOf(x.GetCaption(), x.GetName())
}

func readMusic(m *waE2E.Message, r *Reading) {
	song := m.GetMusicMessage().GetEmbeddedMusic()
	if r.Text = song.GetTitle(); song.GetAuthor() != "" && r.Text != "" {
		r.Text = song.GetAuthor() + " – " + r.Text
	}
}

// readAlbum reads the marker that comes before the pictures of an album.
func readAlbum(m *waE2E.Message, r *Reading) {
	x := m.GetAlbumMessage()
	r.Content.Album = &store.Album{Total: count(uint64(x.GetExpectedImageCount()) + uint64(x.GetExpectedVideoCount()))}
}

func imageOf(x *waE2E.ImageMessage) *store.Media {
	return &store.Media{
		MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Width: count(x.GetWidth()), Height: count(x.GetHeight()),
		SHA256: x.GetFileSHA256(), Thumbnail: x.GetJPEGThumbnail(),
	}
}

func videoOf(x *waE2E.VideoMessage) *store.Media {
	return &store.Media{
		MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Seconds: count(x.GetSeconds()), Width: count(x.GetWidth()), Height: count(x.GetHeight()),
		Animated: x.GetGifPlayback(), SHA256: x.GetFileSHA256(), Thumbnail: x.GetJPEGThumbnail(),
	}
}

func documentOf(x *waE2E.DocumentMessage) *store.Media {
	return &store.Media{
		MimeType: x.GetMimetype(), FileName: firstOf(x.GetFileName(), x.GetTitle()), Size: size(x.GetFileLength()), Pages: count(x.GetPageCount()),
		SHA256: x.GetFileSHA256(), Thumbnail: x.GetJPEGThumbnail(),
	}
}
