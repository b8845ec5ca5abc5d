package convert

import (
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"

	"whatsapp-api/store"
)

// forwardedOften is from how many times on WhatsApp's clients mark a message as forwarded many times.
const forwardedOften = 5

// contextOf is the ContextInfo of the named field of m. All kinds that have one call it contextInfo.
func contextOf(m *waE2E.Message, name protoreflect.Name) *waE2E.ContextInfo {
	if m == nil || name == "" {
		return nil
	}
	of := m.ProtoReflect()
	f := of.Descriptor().Fields().ByName(name)
	if f == nil || f.Message() == nil || !of.Has(f) {
		return nil
	}
	part := of.Get(f).Message()
	c := part.Descriptor().Fields().ByName("contextInfo")
	if c == nil || !part.Has(c) {
		return nil
	}
	info, _ := part.Get(c).Message().Interface().(*waE2E.ContextInfo)
	return info
}

// quoting is the context of a message that names what it answers by a key.
func quoting(key *waCommon.MessageKey) *waE2E.ContextInfo {
	if key.GetID() == "" {
		return nil
	}
	c := &waE2E.ContextInfo{StanzaID: key.ID, Participant: key.Participant, RemoteJID: key.RemoteJID}
	if c.Participant == nil {
		c.Participant = key.RemoteJID
	}
	return c
}

// readContext fills in what the context and the wrappers say.
func readContext(r *Reading) {
	out, c := r.Content, r.Context
	if r.Flags.any(FlagViewOnce) {
		out.ViewOnce = true
	}
	if c == nil {
		return
	}
	out.MentionsAll = c.GetNonJIDMentions() > 0
	for _, g := range c.GetGroupMentions() {
		out.GroupMentions = append(out.GroupMentions, store.GroupMention{Group: g.GetGroupJID(), Name: g.GetGroupSubject()})
	}
	if c.GetIsForwarded() || c.GetForwardingScore() > 0 {
		out.Forwarded = &store.Forwarded{Often: c.GetForwardingScore() >= forwardedOften}
	}
	if s := c.GetExpiration(); s > 0 {
		out.Ephemeral = &store.Ephemeral{Seconds: count(s)}
	}
	if c.GetStanzaID() != "" {
		out.QuotedChat = c.GetRemoteJID()
	}
	out.Referral = referralOf(c)
}

// referralOf tells of the advertisement or the other way in by which a chat was begun.
func referralOf(c *waE2E.ContextInfo) *store.Referral {
	ad := c.GetExternalAdReply()
	if ad == nil && c.GetEntryPointConversionSource() == "" && len(c.GetConversionData()) == 0 && len(c.GetCtwaPayload()) == 0 {
		return nil
	}
	out := &store.Referral{
		Source: firstOf(ad.GetSourceApp(), c.GetConversionSource(), c.GetEntryPointConversionSource()), Type: "entry_point",
		App: firstOf(c.GetEntryPointConversionApp(), ad.GetSourceApp()), UTMSource: c.GetUtm().GetUtmSource(), UTMCampaign: c.GetUtm().GetUtmCampaign(),
		Signals: c.GetCtwaSignals(), Payload: c.GetCtwaPayload(), ConversionData: c.GetConversionData(),
	}
	if ad == nil {
		return out
	}
	out.Type, out.ID, out.URL = firstOf(ad.GetSourceType(), "ad"), ad.GetSourceID(), ad.GetSourceURL()
	out.Title, out.Body, out.ClickID, out.Ref = ad.GetTitle(), ad.GetBody(), ad.GetCtwaClid(), ad.GetRef()
	out.MediaURL, out.ThumbnailURL, out.Thumbnail = ad.GetMediaURL(), ad.GetThumbnailURL(), picture(ad.GetThumbnail())
	switch ad.GetMediaType() {
	case waE2E.ContextInfo_ExternalAdReplyInfo_IMAGE:
		out.MediaType = TypeImage
	case waE2E.ContextInfo_ExternalAdReplyInfo_VIDEO:
		out.MediaType = TypeVideo
	}
	return out
}

// associate tells how a message belongs to another: to an album, or in its place.
func associate(r *Reading, m *waE2E.Message, info *waE2E.MessageContextInfo) {
	a := info.GetMessageAssociation()
	if r.Class != ClassMessage {
		return
	}
	if r.Flags.any(FlagPollOptionImage) {
		r.Class, r.Type = ClassHidden, "" // shown within the poll
		return
	}
	if a.GetParentMessageKey().GetID() == "" {
		return
	}
	switch a.GetAssociationType() {
	case waE2E.MessageAssociation_MEDIA_ALBUM:
		r.Content.Album = &store.Album{ID: CleanID(a.GetParentMessageKey().GetID()), Index: int(a.GetMessageIndex())}
	case waE2E.MessageAssociation_HD_IMAGE_DUAL_UPLOAD, waE2E.MessageAssociation_HD_VIDEO_DUAL_UPLOAD,
		waE2E.MessageAssociation_HEVC_VIDEO_DUAL_UPLOAD, waE2E.MessageAssociation_EVENT_COVER_IMAGE:
		if r.Media != nil {
			r.Class, r.Type, r.Act = ClassAct, "", &Act{Kind: ActMedia, Target: targetOf(a.GetParentMessageKey()), Media: r.Media, Message: m}
		}
	case waE2E.MessageAssociation_MOTION_PHOTO, waE2E.MessageAssociation_MEDIA_POLL, waE2E.MessageAssociation_STICKER_ANNOTATION:
		r.Class, r.Type = ClassHidden, "" // the moment before a photo, a picture of a poll's option
	}
}
