package sdk

// Level is the level of a log line.
type Level uint8

// The levels.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Log writes a line, shown with the plugin's name. Lines are bounded per call; what is over is dropped and counted.
func Log(level Level, message string, fields ...Pair) { writeLog(level, message, fields) }
