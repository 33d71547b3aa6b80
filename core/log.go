package fluvio

import (
	"log/slog"
	"math"
	"os"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// logVariable sets the level of logs from outside of a program, whatever LogLevel says.
const logVariable = "FLUVIO_LOG"

// logOff is above every level.
const logOff = slog.Level(math.MaxInt32)

var logLevels = map[string]slog.Level{
	"off": logOff, "error": slog.LevelError, "warn": slog.LevelWarn, "info": slog.LevelInfo, "debug": slog.LevelDebug,
}

// MinLogLevel is the level from which on a client without a Logger logs, for callers who take the logs by a Logger of their
// own and want them to the same measure: FLUVIO_LOG in the environment, else LogLevel, else warn. Nothing is above "off".
func (o *ClientOptions) MinLogLevel() slog.Level {
	if level, ok := logLevels[strings.ToLower(os.Getenv(logVariable))]; ok {
		return level
	}
	return logLevels[orDefault(o.LogLevel, "warn")]
}

// logger is where the client logs to.
func (o *ClientOptions) logger() *slog.Logger {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: o.MinLogLevel(), ReplaceAttr: readable})).With("library", "libfluvio")
	}
	return log
}

// readable writes times in UTC, to the millisecond.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindTime {
		a.Value = slog.TimeValue(a.Value.Time().UTC().Round(time.Millisecond))
	}
	return a
}

// logSettings says what is probably not meant so.
func (o *ClientOptions) logSettings(observer *obs.Observer) {
	if value := os.Getenv(logVariable); value != "" {
		if _, ok := logLevels[strings.ToLower(value)]; !ok {
			observer.Log.Warn("the environment variable is not one of off, error, warn, info, debug: it is ignored", "variable", logVariable, "value", value)
		}
	}
	for _, text := range o.tlsWarnings() {
		observer.Log.Warn(text)
	}
	if o.TLS == "disabled" {
		observer.Log.Debug("tls is disabled: records travel in plain text", "setting", "tls")
	}
}
