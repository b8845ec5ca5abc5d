// Package sound makes of sound what WhatsApp shows of it. [Waveform] draws a voice message; ogg.go takes the
// packets out of its file.
package sound
