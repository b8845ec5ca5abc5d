package convert

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waAICommonDeprecated"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"whatsapp-api/store"
)

var (
	str = proto.String
	key = &waCommon.MessageKey{ID: str("M1"), RemoteJID: str("1@lid"), Participant: str("2@lid")}
	jpg = []byte("\xff\xd8\xff\xe0 a picture")
	sha = []byte(strings.Repeat("s", 32))
)

func wrap(m *waE2E.Message) *waE2E.FutureProofMessage { return &waE2E.FutureProofMessage{Message: m} }

func text(s string) *waE2E.Message { return &waE2E.Message{Conversation: str(s)} }

func flow(name, params string) *waE2E.InteractiveMessage_NativeFlowMessage_NativeFlowButton {
	return &waE2E.InteractiveMessage_NativeFlowMessage_NativeFlowButton{Name: &name, ButtonParamsJSON: &params}
}

func flows(buttons ...*waE2E.InteractiveMessage_NativeFlowMessage_NativeFlowButton) *waE2E.InteractiveMessage_NativeFlowMessage_ {
	return &waE2E.InteractiveMessage_NativeFlowMessage_{NativeFlowMessage: &waE2E.InteractiveMessage_NativeFlowMessage{Buttons: buttons}}
}

func associated(kind waE2E.MessageAssociation_AssociationType, m *waE2E.Message) *waE2E.Message {
	m.MessageContextInfo = &waE2E.MessageContextInfo{MessageAssociation: &waE2E.MessageAssociation{AssociationType: &kind, ParentMessageKey: key, MessageIndex: proto.Int32(2)}}
	return m
}

// plainKinds are messages with text, files and places.
func plainKinds() map[string]*waE2E.Message {
	everything := &waE2E.ContextInfo{
		StanzaID: str("Q1"), Participant: str("1@lid"), RemoteJID: str("status@broadcast"), QuotedMessage: text("before"), MentionedJID: []string{"3@lid"},
		NonJIDMentions: proto.Uint32(1), GroupMentions: []*waE2E.GroupMention{{GroupJID: str("9@g.us"), GroupSubject: str("Team")}},
		IsForwarded: proto.Bool(true), ForwardingScore: proto.Uint32(5), Expiration: proto.Uint32(86400),
	}
	ad := &waE2E.ContextInfo{
		ConversionSource: str("FB_Ads"), ConversionData: []byte("opaque"), CtwaPayload: []byte("payload"), CtwaSignals: str("signals"), EntryPointConversionApp: str("facebook"),
		Utm: &waE2E.ContextInfo_UTMInfo{UtmSource: str("src"), UtmCampaign: str("camp")},
		ExternalAdReply: &waE2E.ContextInfo_ExternalAdReplyInfo{
			Title: str("Shoes"), Body: str("Half price"), SourceType: str("ad"), SourceID: str("12345"), SourceURL: str("https://fb.me/x"), CtwaClid: str("clid"), Ref: str("ref"),
			MediaType: waE2E.ContextInfo_ExternalAdReplyInfo_VIDEO.Enum(), MediaURL: str("https://fb.me/v"), ThumbnailURL: str("https://fb.me/t"), Thumbnail: jpg,
		},
	}
	image := func() *waE2E.Message {
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			Caption: str("look"), Mimetype: str("image/jpeg"), FileLength: proto.Uint64(1234), Width: proto.Uint32(3), Height: proto.Uint32(2), FileSHA256: sha, JPEGThumbnail: jpg,
		}}
	}
	return map[string]*waE2E.Message{
		"text":          text("hello"),
		"empty_text":    text(""),
		"extended_text": {ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("answer"), ContextInfo: everything}},
		"forwarded":     {ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("pass on"), ContextInfo: &waE2E.ContextInfo{IsForwarded: proto.Bool(true), ForwardingScore: proto.Uint32(1)}}},
		"ad":            {ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("how much?"), ContextInfo: ad}},
		"entry_point":   {ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("hi"), ContextInfo: &waE2E.ContextInfo{EntryPointConversionSource: str("click_to_chat_link"), EntryPointConversionApp: str("whatsapp")}}},
		"link":          {ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("see https://a.test/x"), MatchedText: str("https://a.test/x"), Title: str("A"), Description: str("about"), JPEGThumbnail: jpg}},
		"comment":       {CommentMessage: &waE2E.CommentMessage{Message: text("agreed"), TargetMessageKey: key}},
		"comment_deep":  {CommentMessage: &waE2E.CommentMessage{Message: &waE2E.Message{CommentMessage: &waE2E.CommentMessage{Message: &waE2E.Message{CommentMessage: &waE2E.CommentMessage{Message: &waE2E.Message{CommentMessage: &waE2E.CommentMessage{Message: text("x")}}}}}}}},
		"channel_reply": {QuestionResponseMessage: &waE2E.QuestionResponseMessage{Key: key, Text: str("blue")}},
		"status_answer": {StatusQuestionAnswerMessage: &waE2E.StatusQuestionAnswerMessage{Key: key, Text: str("red")}},
		"status_quoted": {StatusQuotedMessage: &waE2E.StatusQuotedMessage{OriginalStatusID: key, Text: str("green")}},
		"assistant":     {RichResponseMessage: &waE2E.AIRichResponseMessage{Submessages: []*waAICommonDeprecated.AIRichResponseSubMessage{{MessageText: str("one")}, {}, {MessageText: str("two")}}}},
		"image":         image(),
		"image_once":    {ImageMessage: &waE2E.ImageMessage{ViewOnce: proto.Bool(true)}},
		"video":         {VideoMessage: &waE2E.VideoMessage{Mimetype: str("video/mp4"), Seconds: proto.Uint32(7)}},
		"gif":           {VideoMessage: &waE2E.VideoMessage{GifPlayback: proto.Bool(true)}},
		"ptv":           {PtvMessage: &waE2E.VideoMessage{Seconds: proto.Uint32(3)}},
		"audio":         {AudioMessage: &waE2E.AudioMessage{Seconds: proto.Uint32(5)}},
		"voice":         {AudioMessage: &waE2E.AudioMessage{PTT: proto.Bool(true), Mimetype: str("audio/ogg; codecs=opus"), Waveform: []byte{0, 50, 100}}},
		"document":      {DocumentMessage: &waE2E.DocumentMessage{FileName: str("a.pdf"), Mimetype: str("application/pdf"), FileLength: proto.Uint64(1 << 63), PageCount: proto.Uint32(3)}},
		"hostile_file":  {DocumentMessage: &waE2E.DocumentMessage{FileName: str("\u202egpj.exe\x00\r\n\xff" + strings.Repeat("é", 1000)), Mimetype: str("\x1b[31m"), Caption: str("\xff" + strings.Repeat("x", 300<<10)), JPEGThumbnail: []byte("<script>"), FileSHA256: []byte("short")}},
		"sticker":       {StickerMessage: &waE2E.StickerMessage{Mimetype: str("image/webp"), IsAnimated: proto.Bool(true)}},
		"lottie":        {LottieStickerMessage: wrap(&waE2E.Message{StickerMessage: &waE2E.StickerMessage{Mimetype: str("application/was")}})},
		"sticker_pack":  {StickerPackMessage: &waE2E.StickerPackMessage{Name: str("Cats")}},
		"music":         {MusicMessage: &waE2E.MusicMessage{EmbeddedMusic: &waE2E.EmbeddedMusic{Title: str("Song"), Author: str("Singer")}}},
		"album":         {AlbumMessage: &waE2E.AlbumMessage{ExpectedImageCount: proto.Uint32(2), ExpectedVideoCount: proto.Uint32(1)}},
		"album_picture": {AssociatedChildMessage: wrap(associated(waE2E.MessageAssociation_MEDIA_ALBUM, image()))},
		"hd_picture":    {AssociatedChildMessage: wrap(associated(waE2E.MessageAssociation_HD_IMAGE_DUAL_UPLOAD, image()))},
		"motion":        associated(waE2E.MessageAssociation_MOTION_PHOTO, &waE2E.Message{VideoMessage: &waE2E.VideoMessage{}}),
		"event_cover":   {EventCoverImage: wrap(associated(waE2E.MessageAssociation_EVENT_COVER_IMAGE, image()))},
		"poll_picture":  {PollCreationOptionImageMessage: wrap(image())},
		"location":      {LocationMessage: &waE2E.LocationMessage{Name: str("Here"), Address: str("Street 1"), DegreesLatitude: proto.Float64(0), DegreesLongitude: proto.Float64(-1.5), URL: str("https://maps.test")}},
		"location_nan":  {LocationMessage: &waE2E.LocationMessage{DegreesLatitude: proto.Float64(math.NaN()), DegreesLongitude: proto.Float64(math.Inf(1))}},
		"live_location": {LiveLocationMessage: &waE2E.LiveLocationMessage{Caption: str("coming"), SequenceNumber: proto.Int64(7), SpeedInMps: proto.Float32(1.5), AccuracyInMeters: proto.Uint32(10)}},
	}
}

// otherKinds are cards, questions, business, and what acts.
func otherKinds() map[string]*waE2E.Message {
	tap := func(name, params, label string) *waE2E.Message {
		return &waE2E.Message{InteractiveResponseMessage: &waE2E.InteractiveResponseMessage{
			Body: &waE2E.InteractiveResponseMessage_Body{Text: &label}, ContextInfo: &waE2E.ContextInfo{StanzaID: str("Q1")},
			InteractiveResponseMessage: &waE2E.InteractiveResponseMessage_NativeFlowResponseMessage_{NativeFlowResponseMessage: &waE2E.InteractiveResponseMessage_NativeFlowResponseMessage{Name: &name, ParamsJSON: &params}},
		}}
	}
	hydrated := &waE2E.TemplateMessage_HydratedFourRowTemplate{
		Title:               &waE2E.TemplateMessage_HydratedFourRowTemplate_HydratedTitleText{HydratedTitleText: "Order 7"},
		HydratedContentText: str("It is on its way"), HydratedFooterText: str("The shop"),
		HydratedButtons: []*waE2E.HydratedTemplateButton{
			{HydratedButton: &waE2E.HydratedTemplateButton_UrlButton{UrlButton: &waE2E.HydratedTemplateButton_HydratedURLButton{DisplayText: str("Track"), URL: str("https://a.test/7")}}},
			{HydratedButton: &waE2E.HydratedTemplateButton_QuickReplyButton{QuickReplyButton: &waE2E.HydratedTemplateButton_HydratedQuickReplyButton{DisplayText: str("Yes"), ID: str("yes-1")}}},
			{HydratedButton: &waE2E.HydratedTemplateButton_CallButton{CallButton: &waE2E.HydratedTemplateButton_HydratedCallButton{DisplayText: str("Call"), PhoneNumber: str("+34600")}}},
		},
	}
	code := &waE2E.InteractiveMessage{
		Header: &waE2E.InteractiveMessage_Header{Title: str("Bank"), Media: &waE2E.InteractiveMessage_Header_ImageMessage{ImageMessage: &waE2E.ImageMessage{Mimetype: str("image/png")}}},
		Body:   &waE2E.InteractiveMessage_Body{Text: str("Your code is 123456")}, Footer: &waE2E.InteractiveMessage_Footer{Text: str("Tell nobody")},
		InteractiveMessage: flows(flow("cta_copy", `{"display_text":"Copy","copy_code":123456,"id":null}`), flow("cta_call", `{"display_text":"Call","phone_number":"+34600"}`), flow("odd", `{"id":`)),
	}
	card := &waE2E.InteractiveMessage{Body: &waE2E.InteractiveMessage_Body{Text: str("first card")}, InteractiveMessage: flows(flow("quick_reply", `{"display_text":"Take","id":"take-1"}`))}
	hsm := &waE2E.HighlyStructuredMessage{ElementName: str("welcome"), Params: []string{"Ana", "7"}}
	return map[string]*waE2E.Message{
		"contact":              {ContactMessage: &waE2E.ContactMessage{DisplayName: str("Bob"), Vcard: str("BEGIN:VCARD\nVERSION:3.0\nFN:Bob B\nTEL;type=CELL;waid=34600000003:+34 600 00 00 03\nEND:VCARD")}},
		"contacts":             {ContactsArrayMessage: &waE2E.ContactsArrayMessage{DisplayName: str("2 contacts"), Contacts: []*waE2E.ContactMessage{{DisplayName: str("Bob")}, {Vcard: str("BEGIN:VCARD\nN:Clay;Cleo;;;\nEND:VCARD")}}}},
		"group_invite":         {GroupInviteMessage: &waE2E.GroupInviteMessage{GroupJID: str("9@g.us"), GroupName: str("Team"), InviteCode: str("CODE"), InviteExpiration: proto.Int64(1767225600)}},
		"channel_invite":       {NewsletterAdminInviteMessage: &waE2E.NewsletterAdminInviteMessage{NewsletterJID: str("9@newsletter"), NewsletterName: str("News"), Caption: str("join")}},
		"poll":                 {PollCreationMessageV3: &waE2E.PollCreationMessage{Name: str("Pizza?"), SelectableOptionsCount: proto.Uint32(1), EndTime: proto.Int64(1767225600000), Options: []*waE2E.PollCreationMessage_Option{{OptionName: str("Yes")}, {OptionName: str("No\xff")}}}},
		"poll_v4":              {PollCreationMessageV4: wrap(&waE2E.Message{PollCreationMessage: &waE2E.PollCreationMessage{Name: str("Wrapped?")}})},
		"poll_results":         {PollResultSnapshotMessage: &waE2E.PollResultSnapshotMessage{Name: str("Pizza?"), PollVotes: []*waE2E.PollResultSnapshotMessage_PollVote{{OptionName: str("Yes"), OptionVoteCount: proto.Int64(3)}}}},
		"event":                {EventMessage: &waE2E.EventMessage{Name: str("Meeting"), Description: str("all"), StartTime: proto.Int64(1767225600), EndTime: proto.Int64(1767229200), Location: &waE2E.LocationMessage{Name: str("Office")}, ExtraGuestsAllowed: proto.Bool(true)}},
		"planned_call":         {ScheduledCallCreationMessage: &waE2E.ScheduledCallCreationMessage{Title: str("Weekly"), ScheduledTimestampMS: proto.Int64(1767225600000), CallType: waE2E.ScheduledCallCreationMessage_VIDEO.Enum()}},
		"call_log":             {CallLogMesssage: &waE2E.CallLogMessage{IsVideo: proto.Bool(true), CallOutcome: waE2E.CallLogMessage_MISSED.Enum(), DurationSecs: proto.Int64(9), Participants: []*waE2E.CallLogMessage_CallParticipant{{JID: str("1@lid")}}}},
		"order":                {OrderMessage: &waE2E.OrderMessage{OrderID: str("O1"), Token: str("T"), ItemCount: proto.Int32(2), TotalAmount1000: proto.Int64(12500), TotalCurrencyCode: str("EUR"), Message: str("please"), SellerJID: str("1@s.whatsapp.net"), Status: waE2E.OrderMessage_INQUIRY.Enum()}},
		"product":              {ProductMessage: &waE2E.ProductMessage{BusinessOwnerJID: str("1@s.whatsapp.net"), Product: &waE2E.ProductMessage_ProductSnapshot{ProductID: str("P1"), RetailerID: str("sku"), Title: str("Shoe"), PriceAmount1000: proto.Int64(39000), CurrencyCode: str("EUR"), ProductImage: &waE2E.ImageMessage{Mimetype: str("image/jpeg")}}}},
		"payment_request":      {RequestPaymentMessage: &waE2E.RequestPaymentMessage{NoteMessage: text("for lunch")}},
		"payment_declined":     {DeclinePaymentRequestMessage: &waE2E.DeclinePaymentRequestMessage{Key: key}},
		"number_requested":     {RequestPhoneNumberMessage: &waE2E.RequestPhoneNumberMessage{}},
		"buttons":              {ButtonsMessage: &waE2E.ButtonsMessage{Header: &waE2E.ButtonsMessage_Text{Text: "Lunch"}, ContentText: str("Coming?"), FooterText: str("today"), Buttons: []*waE2E.ButtonsMessage_Button{{ButtonID: str("b1"), ButtonText: &waE2E.ButtonsMessage_Button_ButtonText{DisplayText: str("Yes")}}}}},
		"buttons_tap":          {ButtonsResponseMessage: &waE2E.ButtonsResponseMessage{SelectedButtonID: str("b1"), Response: &waE2E.ButtonsResponseMessage_SelectedDisplayText{SelectedDisplayText: "Yes"}}},
		"list":                 {ListMessage: &waE2E.ListMessage{Title: str("Menu"), Description: str("Choose"), ButtonText: str("Open"), Sections: []*waE2E.ListMessage_Section{{Title: str("Drinks"), Rows: []*waE2E.ListMessage_Row{{RowID: str("row-7"), Title: str("Tea"), Description: str("hot")}}}}}},
		"list_tap":             {ListResponseMessage: &waE2E.ListResponseMessage{Title: str("Tea"), Description: str("hot"), SingleSelectReply: &waE2E.ListResponseMessage_SingleSelectReply{SelectedRowID: str("row-7")}}},
		"template":             {TemplateMessage: &waE2E.TemplateMessage{HydratedTemplate: hydrated}},
		"template_four_rows":   {TemplateMessage: &waE2E.TemplateMessage{Format: &waE2E.TemplateMessage_HydratedFourRowTemplate_{HydratedFourRowTemplate: hydrated}}},
		"template_raw":         {TemplateMessage: &waE2E.TemplateMessage{Format: &waE2E.TemplateMessage_FourRowTemplate_{FourRowTemplate: &waE2E.TemplateMessage_FourRowTemplate{Content: hsm}}}},
		"template_interactive": {TemplateMessage: &waE2E.TemplateMessage{Format: &waE2E.TemplateMessage_InteractiveMessageTemplate{InteractiveMessageTemplate: code}}},
		"template_tap":         {TemplateButtonReplyMessage: &waE2E.TemplateButtonReplyMessage{SelectedID: str("yes-1"), SelectedDisplayText: str("Yes"), ContextInfo: &waE2E.ContextInfo{StanzaID: str("Q1")}}},
		"structured":           {HighlyStructuredMessage: hsm},
		"structured_hydrated":  {HighlyStructuredMessage: &waE2E.HighlyStructuredMessage{HydratedHsm: &waE2E.TemplateMessage{HydratedTemplate: hydrated}}},
		"interactive":          {InteractiveMessage: code},
		"interactive_list":     {InteractiveMessage: &waE2E.InteractiveMessage{Body: &waE2E.InteractiveMessage_Body{Text: str("Choose")}, InteractiveMessage: flows(flow("single_select", `{"title":"Open","sections":[{"title":"Drinks","rows":[{"id":"row-7","title":"Tea","description":"hot"}]}]}`))}},
		"interactive_flow":     {InteractiveMessage: &waE2E.InteractiveMessage{Body: &waE2E.InteractiveMessage_Body{Text: str("Fill in")}, InteractiveMessage: flows(flow("galaxy_message", `{"flow_cta":"Begin","flow_id":"77"}`))}},
		"carousel":             {InteractiveMessage: &waE2E.InteractiveMessage{InteractiveMessage: &waE2E.InteractiveMessage_CarouselMessage_{CarouselMessage: &waE2E.InteractiveMessage_CarouselMessage{Cards: []*waE2E.InteractiveMessage{card, card}}}}},
		"interactive_tap":      tap("quick_reply", `{"id":"yes-1"}`, "Yes"),
		"interactive_choice":   tap("menu_options", `{"id":"row-7","description":"hot"}`, "Tea"),
		"interactive_form":     tap("flow", `{"flow_token":"t","name":"Bob"}`, "Sent"),
		"scheduled_message":    {ConditionalRevealMessage: &waE2E.ConditionalRevealMessage{}},
		"view_once":            {ViewOnceMessageV2: wrap(&waE2E.Message{ImageMessage: &waE2E.ImageMessage{Caption: str("once")}})},
		"view_once_gone":       {ViewOnceMessageV2: wrap(nil)},
		"reaction":             {ReactionMessage: &waE2E.ReactionMessage{Text: str("👍"), Key: key, SenderTimestampMS: proto.Int64(1767225600123)}},
		"reaction_taken_back":  {ReactionMessage: &waE2E.ReactionMessage{Text: str(""), Key: key}},
		"reaction_hostile":     {ReactionMessage: &waE2E.ReactionMessage{Text: str("\u202e\x00"), Key: key}},
		"reaction_to_nothing":  {ReactionMessage: &waE2E.ReactionMessage{Text: str("👍")}},
		"reaction_sealed":      {EncReactionMessage: &waE2E.EncReactionMessage{TargetMessageKey: key}},
		"comment_sealed":       {EncCommentMessage: &waE2E.EncCommentMessage{TargetMessageKey: key}},
		"edit":                 {EditedMessage: wrap(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), Key: key, EditedMessage: text("better"), TimestampMS: proto.Int64(1767225600123)}})},
		"edit_sealed":          {SecretEncryptedMessage: &waE2E.SecretEncryptedMessage{TargetMessageKey: key, SecretEncType: waE2E.SecretEncryptedMessage_MESSAGE_EDIT.Enum()}},
		"edit_unknown":         {SecretEncryptedMessage: &waE2E.SecretEncryptedMessage{TargetMessageKey: key, SecretEncType: waE2E.SecretEncryptedMessage_SecretEncType(77).Enum()}},
		"revoke":               {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: key}},
		"vote":                 {PollUpdateMessage: &waE2E.PollUpdateMessage{PollCreationMessageKey: key, SenderTimestampMS: proto.Int64(1767225600123)}},
		"poll_option":          {PollAddOptionMessage: &waE2E.PollAddOptionMessage{PollCreationMessageKey: key, AddOption: &waE2E.PollCreationMessage_Option{OptionName: str("Maybe")}}},
		"answer_sealed":        {EncEventResponseMessage: &waE2E.EncEventResponseMessage{EventCreationMessageKey: key}},
		"pin":                  {PinInChatMessage: &waE2E.PinInChatMessage{Key: key, Type: waE2E.PinInChatMessage_PIN_FOR_ALL.Enum()}, MessageContextInfo: &waE2E.MessageContextInfo{MessageAddOnDurationInSecs: proto.Uint32(86400)}},
		"unpin":                {PinInChatMessage: &waE2E.PinInChatMessage{Key: key, Type: waE2E.PinInChatMessage_UNPIN_FOR_ALL.Enum()}},
		"keep":                 {KeepInChatMessage: &waE2E.KeepInChatMessage{Key: key, KeepType: waE2E.KeepType_KEEP_FOR_ALL.Enum()}},
		"call_cancelled":       {ScheduledCallEditMessage: &waE2E.ScheduledCallEditMessage{Key: key, EditType: waE2E.ScheduledCallEditMessage_CANCEL.Enum()}},
		"timer":                {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_EPHEMERAL_SETTING.Enum(), EphemeralExpiration: proto.Uint32(604800)}},
		"number_shared":        {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_SHARE_PHONE_NUMBER.Enum()}},
		"key_share":            {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum()}},
		"protocol_unknown":     {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_Type(999).Enum()}},
		"call_key":             {Call: &waE2E.Call{CallKey: sha}},
		"placeholder":          {PlaceholderMessage: &waE2E.PlaceholderMessage{}},
		"sticker_sync":         {StickerSyncRmrMessage: &waE2E.StickerSyncRMRMessage{}},
		"history_notice":       {MessageHistoryNotice: &waE2E.MessageHistoryNotice{}},
		"only_context":         {MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: sha}},
		"sender_key":           {SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{}, MessageContextInfo: &waE2E.MessageContextInfo{}},
		"text_with_key":        {SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{}, Conversation: str("hello")},
		"empty_wrapper":        {EphemeralMessage: wrap(nil)},
		"nothing":              {},
		"nil":                  nil,
	}
}

// view is a reading as the golden files have it.
func view(r Reading) map[string]any {
	names := []string{"message", "act", "hidden", "technical"}
	if len(r.Text) > 100 {
		r.Text = fmt.Sprintf("%.20s… %d bytes", r.Text, len(r.Text))
	}
	out := map[string]any{"class": names[r.Class]}
	for name, v := range map[string]any{"type": r.Type, "text": r.Text, "media": r.Media, "content": r.Content, "flags": r.Flags, "quotes": r.Context.GetStanzaID(), "to": r.Destination} {
		if s := fmt.Sprint(v); s != "" && s != "<nil>" && s != "0" {
			out[name] = v
		}
	}
	if a := r.Act; a != nil {
		act := map[string]any{"kind": a.Kind, "target": a.Target, "at": a.At, "emoji": a.Emoji, "on": a.On, "seconds": a.Seconds, "media": a.Media != nil, "location": a.Location, "option": a.Option, "sealed": a.Sealed != nil}
		if a.Message != nil {
			act["says"] = Read(a.Message).Text
		}
		out["act"] = act
	}
	return out
}

func TestRead(t *testing.T) {
	t.Parallel()
	all := plainKinds()
	maps.Copy(all, otherKinds())
	for name, m := range all {
		golden(t, "read_"+name, view(Read(m)))
	}
}

// TestEveryFieldIsJudged fails when a newer whatsmeow brings a kind of message that nobody has judged.
func TestEveryFieldIsJudged(t *testing.T) {
	t.Parallel()
	fields := (&waE2E.Message{}).ProtoReflect().Descriptor().Fields()
	all := map[protoreflect.Name]bool{}
	for i := range fields.Len() {
		f := fields.Get(i)
		all[f.Name()] = true
		_, judged := kinds[f.Name()]
		_, wraps := wrappers[f.Name()]
		require.NotEqual(t, judged, wraps, "%s: is it a message, an act, technical or a wrapper?", f.Name())
		holds := f.Message() != nil && (f.Message().Name() == "FutureProofMessage" || f.Name() == "deviceSentMessage")
		require.Equal(t, holds, wraps, "%s", f.Name())

		m := &waE2E.Message{} // with nothing but this field, empty
		if f.Message() == nil {
			m.ProtoReflect().Set(f, protoreflect.ValueOfString(""))
		} else {
			m.ProtoReflect().Mutable(f)
		}
		r := Read(m)
		require.Equal(t, r.Class == ClassMessage, r.Type != "", "%s", f.Name())
		if wraps {
			require.NotEqual(t, ClassAct, r.Class, "%s", f.Name())
			m.ProtoReflect().Mutable(f).Message().Set(f.Message().Fields().ByName("message"), protoreflect.ValueOfMessage(text("within").ProtoReflect()))
			require.Equal(t, "within", Read(m).Text, "%s", f.Name())
		}
	}
	for name := range kinds {
		require.True(t, all[name], "%s is no field any more", name)
	}
	for name := range wrappers {
		require.True(t, all[name], "%s is no field any more", name)
	}
}

func TestEveryTypeIsNamed(t *testing.T) {
	t.Parallel()
	named := strings.Fields("text image video gif ptv audio voice document sticker location live_location contact poll event order product group_invite interactive call system unavailable unknown")
	all := plainKinds()
	maps.Copy(all, otherKinds())
	seen := map[string]bool{}
	for name, m := range all {
		if r := Read(m); r.Class == ClassMessage {
			require.Contains(t, named, r.Type, name)
			seen[r.Type] = true
		}
	}
	require.ElementsMatch(t, named, slices.Collect(maps.Keys(seen)))
}

// TestProtocolMessagesAreJudged fails when a newer whatsmeow brings a type of protocol message.
func TestProtocolMessagesAreJudged(t *testing.T) {
	t.Parallel()
	seen := map[string]Class{
		"REVOKE": ClassAct, "MESSAGE_EDIT": ClassAct, "EPHEMERAL_SETTING": ClassAct,
		"SHARE_PHONE_NUMBER": ClassMessage, "STATUS_MENTION_MESSAGE": ClassMessage, "LIMIT_SHARING": ClassMessage,
	}
	technical := strings.Fields(`EPHEMERAL_SYNC_RESPONSE HISTORY_SYNC_NOTIFICATION APP_STATE_SYNC_KEY_SHARE APP_STATE_SYNC_KEY_REQUEST MSG_FANOUT_BACKFILL_REQUEST
		INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC APP_STATE_FATAL_EXCEPTION_NOTIFICATION PEER_DATA_OPERATION_REQUEST_MESSAGE
		PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE REQUEST_WELCOME_MESSAGE BOT_FEEDBACK_MESSAGE MEDIA_NOTIFY_MESSAGE CLOUD_API_THREAD_CONTROL_NOTIFICATION
		LID_MIGRATION_MAPPING_SYNC REMINDER_MESSAGE BOT_MEMU_ONBOARDING_MESSAGE STOP_GENERATION_MESSAGE AI_PSI_METADATA AI_QUERY_FANOUT
		GROUP_MEMBER_LABEL_CHANGE AI_MEDIA_COLLECTION_MESSAGE MESSAGE_UNSCHEDULE CHAT_THEME_SETTING AI_METADATA_OPERATION MARK_AS_VERIFIED_ACTION COEX_STATE_SYNC`)
	for _, name := range technical {
		seen[name] = ClassTechnical
	}
	for number, name := range waE2E.ProtocolMessage_Type_name {
		class, judged := seen[name]
		require.True(t, judged, name)
		m := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: key, Type: waE2E.ProtocolMessage_Type(number).Enum()}}
		require.Equal(t, class, Read(m).Class, name)
	}
}

func TestWrappersInAnyOrder(t *testing.T) {
	t.Parallel()
	m := &waE2E.Message{
		EphemeralMessage: wrap(&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: str("5@lid"), Message: &waE2E.Message{
			DocumentWithCaptionMessage: wrap(&waE2E.Message{ViewOnceMessage: wrap(text("deep"))}),
		}}}),
		MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: sha},
	}
	r := Read(m)
	require.Equal(t, "deep", r.Text)
	require.Equal(t, FlagEphemeral|FlagDeviceSent|FlagDocumentWithCaption|FlagViewOnce, r.Flags)
	require.True(t, r.Flags.Has(FlagEphemeral|FlagViewOnce))
	require.Equal(t, "5@lid", r.Destination)
	require.Equal(t, sha, r.Secret)
	require.True(t, r.Content.ViewOnce)

	endless := text("too deep")
	for range maxWrappers + 1 {
		endless = &waE2E.Message{EphemeralMessage: wrap(endless)}
	}
	r = Read(endless)
	require.Equal(t, ClassMessage, r.Class)
	require.Equal(t, TypeUnknown, r.Type)
}

func TestNewerKindsAreVisible(t *testing.T) {
	t.Parallel()
	newer := func() *waE2E.Message {
		var m waE2E.Message
		require.NoError(t, proto.Unmarshal(protowire.AppendString(protowire.AppendTag(nil, 9999, protowire.BytesType), "new"), &m))
		return &m
	}
	within := newer()
	within.MessageContextInfo = &waE2E.MessageContextInfo{MessageSecret: sha}
	future := &waE2E.FutureProofMessage{}
	future.ProtoReflect().SetUnknown(newer().ProtoReflect().GetUnknown())
	for name, m := range map[string]*waE2E.Message{
		"alone": newer(), "with a secret": within, "within a wrapper": {EphemeralMessage: wrap(newer())}, "in place of what is wrapped": {EphemeralMessage: future},
	} {
		r := Read(m)
		require.Equal(t, ClassMessage, r.Class, name)
		require.Equal(t, TypeUnknown, r.Type, name)
	}
	known := text("hello")
	known.ProtoReflect().SetUnknown(newer().ProtoReflect().GetUnknown())
	require.Equal(t, TypeText, Read(known).Type)
}

func TestUnwrap(t *testing.T) {
	t.Parallel()
	full := &waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{Message: &waE2E.Message{EphemeralMessage: wrap(&waE2E.Message{
		ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("hi @3"), ContextInfo: &waE2E.ContextInfo{StanzaID: str("Q"), QuotedMessage: text("before"), MentionedJID: []string{"3@lid"}, Expiration: proto.Uint32(7)}},
		MessageContextInfo:  &waE2E.MessageContextInfo{MessageSecret: sha}, SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{},
	})}}}
	before := proto.Clone(full)
	want := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("hi @3"), ContextInfo: &waE2E.ContextInfo{MentionedJID: []string{"3@lid"}}}}
	require.True(t, proto.Equal(want, Unwrap(full)))
	require.True(t, proto.Equal(before, full), "it is a copy")
	all := otherKinds()
	for _, name := range []string{"view_once", "view_once_gone", "revoke", "edit", "reaction", "key_share", "call_key", "number_shared", "nothing", "nil"} {
		require.Nil(t, Unwrap(all[name]), name)
	}
	require.Nil(t, Unwrap(plainKinds()["image_once"]))
	require.NotNil(t, Unwrap(plainKinds()["lottie"]).GetStickerMessage())
}

func TestContentIsBounded(t *testing.T) {
	t.Parallel()
	var contacts []*waE2E.ContactMessage
	for range 100 {
		contacts = append(contacts, &waE2E.ContactMessage{DisplayName: str("X"), Vcard: str("BEGIN:VCARD\nPHOTO:" + strings.Repeat("x", 50<<10) + "\nTEL:1234567\nEND:VCARD")})
	}
	r := Read(&waE2E.Message{ContactsArrayMessage: &waE2E.ContactsArrayMessage{Contacts: contacts}})
	require.Len(t, r.Content.Contacts, 100)
	kept := 0
	for _, c := range r.Content.Contacts {
		kept += len(c.VCard)
		require.Equal(t, "1234567", c.Phones[0].Number, "what was read of a card stays")
	}
	require.LessOrEqual(t, kept, maxText)
	var options []*waE2E.PollCreationMessage_Option
	for i := range 2 * maxItems {
		options = append(options, &waE2E.PollCreationMessage_Option{OptionName: str(fmt.Sprint(i))})
	}
	require.Len(t, Read(&waE2E.Message{PollCreationMessage: &waE2E.PollCreationMessage{Options: options}}).Content.Poll.Options, store.MaxPollOptions)
	var rows []*waE2E.ListMessage_Row
	for range 2 * maxItems {
		rows = append(rows, &waE2E.ListMessage_Row{Title: str("row")})
	}
	section := []*waE2E.ListMessage_Section{{Rows: rows}, {Rows: rows}}
	sections := Read(&waE2E.Message{ListMessage: &waE2E.ListMessage{Sections: section}}).Content.Interactive.Sections
	require.Less(t, len(sections[0].Rows)+len(sections[1].Rows), maxItems)
	r = Read(&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: str("x"), ContextInfo: &waE2E.ContextInfo{ConversionData: make([]byte, maxContent+1), CtwaSignals: str("kept")}}})
	require.Nil(t, r.Content.Referral.ConversionData)
	require.Equal(t, "kept", r.Content.Referral.Signals)
}

func TestVCard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want store.Card
	}{
		"two numbers":   {"BEGIN:VCARD\r\nVERSION:3.0\r\nN:B;Bob;;;\r\nFN:Bob B\r\nORG:Shop\\, Ltd;Sales;\r\nTEL;type=CELL;type=VOICE;waid=34600000003:+34 600 00 00 03\r\nitem1.TEL:+34 911\r\nitem1.X-ABLabel:_$!<Office>!$_\r\nEMAIL;type=WORK:b@a.test\r\nEND:VCARD", store.Card{Name: "Bob B", Organization: "Shop, Ltd, Sales", Phones: []store.CardPhone{{Number: "+34 600 00 00 03", Label: "cell", ID: "34600000003@s.whatsapp.net"}, {Number: "+34 911", Label: "Office"}}, Emails: []string{"b@a.test"}}},
		"folded":        {"BEGIN:VCARD\nFN:A very lo\n ng name\nPHOTO;ENCODING=b:AAAA\n BBBB\nTEL:1\nEND:VCARD", store.Card{Name: "A very long name", Phones: []store.CardPhone{{Number: "1"}}}},
		"2.1":           {"BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=91u=C3=B1ez;Jos=C3=\n=A9;;;\nTEL;CELL;PREF:600\nEND:VCARD", store.Card{Name: "José Ñuñez", Phones: []store.CardPhone{{Number: "600", Label: "cell"}}}},
		"4.0":           {"BEGIN:VCARD\nVERSION:4.0\nFN:Eva\nTEL;VALUE=uri;TYPE=\"home,voice\":tel:+34-600\nEND:VCARD", store.Card{Name: "Eva", Phones: []store.CardPhone{{Number: "+34-600", Label: "home"}}}},
		"business":      {"BEGIN:VCARD\nN:;;;;\nFN:Shop\nX-WA-BIZ-NAME:The Shop\nTEL;waid=34600:\nEND:VCARD", store.Card{Name: "Shop", Organization: "The Shop", Phones: []store.CardPhone{{Number: "+34600", ID: "34600@s.whatsapp.net"}}}},
		"no card":       {"hello: world\n\n:\n;;;:", store.Card{}},
		"hostile waid":  {"TEL;waid=1@lid:5", store.Card{Phones: []store.CardPhone{{Number: "5"}}}},
		"colon in name": {"FN;X=\"a:b\":Right", store.Card{Name: "Right"}},
	} {
		require.Equal(t, c.want, readVCard(c.text), name)
	}
	began := time.Now()
	readVCard("FN:x\n" + strings.Repeat(" \n", 128<<10))
	readVCard("FN" + strings.Repeat(";a", 128<<10) + ":x")
	readVCard("FN;QUOTED-PRINTABLE:" + strings.Repeat("=\n", 128<<10))
	require.Less(t, time.Since(began), 5*time.Second, "a card takes time in proportion to its size")
}
