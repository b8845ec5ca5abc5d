package convert

import (
	"crypto/sha256"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

func readPoll(m *waE2E.Message, r *Reading) {
	for _, x := range []*waE2E.PollCreationMessage{
		m.GetPollCreationMessage(), m.GetPollCreationMessageV2(), m.GetPollCreationMessageV3(), m.GetPollCreationMessageV5(), m.GetPollCreationMessageV6(),
	} {
		if x == nil {
			continue
		}
		p := &store.Poll{
			Question: x.GetName(), MaxSelections: count(x.GetSelectableOptionsCount()), ClosesAt: Millis(x.GetEndTime()),
			Quiz: x.GetPollType() == waE2E.PollType_QUIZ, Correct: x.GetCorrectAnswer().GetOptionName(),
		}
		for _, o := range atMost(x.GetOptions()) {
			p.Options = append(p.Options, optionOf(o.GetOptionName()))
		}
		r.Type, r.Text, r.Content.Poll, r.Context = TypePoll, x.GetName(), p, x.GetContextInfo()
		return
	}
}

// atMost is the beginning of a list that belongs to a poll.
func atMost[T any](all []T) []T { return all[:min(len(all), store.MaxPollOptions)] }

// optionOf is an option of a poll. Votes name it by the hash of what its author wrote, which is not
// always what can be kept of it.
func optionOf(text string) store.PollOption {
	o := store.PollOption{Text: CleanText(text)}
	if o.Text != text {
		sum := sha256.Sum256([]byte(text))
		o.Hash = sum[:]
	}
	return o
}

// readPollResults reads results that were sent on.
func readPollResults(m *waE2E.Message, r *Reading) {
	x := m.GetPollResultSnapshotMessage()
	if x == nil {
		x = m.GetPollResultSnapshotMessageV3()
	}
	p := &store.Poll{Question: x.GetName(), Results: true, Quiz: x.GetPollType() == waE2E.PollType_QUIZ}
	for _, o := range atMost(x.GetPollVotes()) {
		option := optionOf(o.GetOptionName())
		option.Votes = count(o.GetOptionVoteCount())
		p.Options = append(p.Options, option)
	}
	r.Type, r.Text, r.Content.Poll = TypePoll, x.GetName(), p
}

func readEvent(m *waE2E.Message, r *Reading) {
	x := m.GetEventMessage()
	r.Type, r.Text = TypeEvent, x.GetName()
	r.Content.CalendarEvent = &store.CalendarEvent{
		Name: x.GetName(), Description: x.GetDescription(), StartsAt: Millis(x.GetStartTime()), EndsAt: Millis(x.GetEndTime()),
		Location: locationOf(x.GetLocation()), JoinLink: x.GetJoinLink(), Call: x.GetIsScheduleCall(), Guests: x.GetExtraGuestsAllowed(), Cancelled: x.GetIsCanceled(),
	}
}

func readEventInvite(m *waE2E.Message, r *Reading) {
	x := m.GetEventInviteMessage()
	r.Type, r.Text = TypeEvent, firstOf(x.GetCaption(), x.GetEventTitle())
	r.Content.CalendarEvent = &store.CalendarEvent{
		ID: x.GetEventID(), Name: x.GetEventTitle(), StartsAt: Millis(x.GetStartTime()), EndsAt: Millis(x.GetEndTime()),
		JoinLink: x.GetCallLink(), Cancelled: x.GetIsCanceled(),
	}
}

func readPlannedCall(m *waE2E.Message, r *Reading) {
	x := m.GetScheduledCallCreationMessage()
	r.Type, r.Text = TypeCall, x.GetTitle()
	r.Content.Call = &store.Call{
		Title: x.GetTitle(), StartsAt: Millis(x.GetScheduledTimestampMS()), Video: x.GetCallType() == waE2E.ScheduledCallCreationMessage_VIDEO,
	}
}

// callOutcomes names how a call ended.
var callOutcomes = map[waE2E.CallLogMessage_CallOutcome]string{
	waE2E.CallLogMessage_CONNECTED: "connected", waE2E.CallLogMessage_MISSED: "missed", waE2E.CallLogMessage_FAILED: "failed",
	waE2E.CallLogMessage_REJECTED: "rejected", waE2E.CallLogMessage_ACCEPTED_ELSEWHERE: "accepted_elsewhere", waE2E.CallLogMessage_ONGOING: "ongoing",
	waE2E.CallLogMessage_SILENCED_BY_DND: "silenced", waE2E.CallLogMessage_SILENCED_UNKNOWN_CALLER: "silenced",
}

func readCallLog(m *waE2E.Message, r *Reading) {
	x := m.GetCallLogMesssage()
	r.Type = TypeCall
	r.Content.Call = &store.Call{Video: x.GetIsVideo(), Seconds: count(x.GetDurationSecs())}
	if x.CallOutcome != nil {
		r.Content.Call.Outcome = callOutcomes[x.GetCallOutcome()]
	}
	for _, p := range x.GetParticipants() {
		r.Content.Call.People = append(r.Content.Call.People, store.CallPerson{Person: p.GetJID(), Outcome: callOutcomes[p.GetCallOutcome()]})
	}
}

// readBroadcastCall reads the announcement of a call that many can listen to.
func readBroadcastCall(m *waE2E.Message, r *Reading) {
	x := m.GetBcallMessage()
	r.Type, r.Text = TypeCall, x.GetCaption()
	r.Content.Call = &store.Call{Title: x.GetCaption(), Video: x.GetMediaType() == waE2E.BCallMessage_VIDEO}
}
