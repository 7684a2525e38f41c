internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// Shows progress: one live line on a terminal, a plain line now and then elsewhere, or events as JSON.
final class ProgressDisplay {
  private enum Form {
    case live
    case plain
    case json
  }

  private let reporter: ProgressReporter?
  /// Whether a live line may be left to wipe.
  private var isLive = false

  /// Starts to show what a meter counts, unless progress is not wanted.
  init(_ meter: ProgressMeter, options: OutputOptions) throws {
    let style = TerminalStyle.standardError
    let form: Form = options.isJSON ? .json : style.rewritesLines ? .live : .plain
    guard !options.isQuiet || form == .json else {
      reporter = nil
      return
    }
    isLive = form == .live
    let interval: Duration =
      switch form {
      case .live: ProgressReporter.terminalInterval
      case .plain: ProgressReporter.plainInterval
      case .json: .seconds(1)
      }
    reporter = try ProgressReporter(meter, every: interval) { event in
      switch form {
      case .live: ProgressDisplay.showLive(event, style)
      case .plain: ProgressDisplay.showPlain(event)
      case .json: ProgressDisplay.showJSON(event)
      }
    }
  }

  /// Ends the display; a live line is wiped.
  func stop() {
    reporter?.stop()
    if isLive { StandardError.rewriteLine("") }
    isLive = false
  }

  private static func showLive(_ event: ProgressEvent, _ style: TerminalStyle) {
    switch event {
    // The next phase takes the line over; the last one is wiped.
    case .phaseFinished(let snapshot):
      if snapshot.number == snapshot.phaseCount { StandardError.rewriteLine("") }
    case .phaseStarted(let snapshot), .advanced(let snapshot):
      let line = ProgressLine(snapshot: snapshot)
      StandardError.rewriteLine(line.text(columns: StandardError.columns - 1, style))
    }
  }

  private static func showPlain(_ event: ProgressEvent) {
    switch event {
    case .phaseFinished(let snapshot):
      let seconds = NumberFormat.seconds(snapshot.elapsedSeconds)
      let bytes = ByteCount(snapshot.doneBytes)
      StandardError.writeLine("\(label(snapshot)): \(bytes) in \(seconds)")
    case .advanced(let snapshot): StandardError.writeLine(line(snapshot))
    case .phaseStarted: break
    }
  }

  private static func line(_ snapshot: ProgressSnapshot) -> String {
    var parts = [
      "\(label(snapshot)): \(ByteCount(snapshot.doneBytes)) of \(ByteCount(snapshot.totalBytes))"
    ]
    if let fraction = snapshot.fraction { parts.append("\(Int(fraction * 100)) %") }
    if snapshot.bytesPerSecond >= 1 {
      parts.append("\(ByteCount(Int(snapshot.bytesPerSecond)))/s")
    }
    if let left = snapshot.secondsLeft { parts.append("\(NumberFormat.roundSeconds(left)) left") }
    if snapshot.laterBytes > 0, let all = snapshot.secondsLeftInAll {
      parts.append("\(NumberFormat.roundSeconds(all)) in all")
    }
    return parts.joined(separator: ", ")
  }

  private static func label(_ snapshot: ProgressSnapshot) -> String {
    guard snapshot.phaseCount > 1 else { return snapshot.phase }
    return "\(snapshot.phase) [\(snapshot.number)/\(snapshot.phaseCount)]"
  }

  private static func showJSON(_ event: ProgressEvent) {
    let (kind, snapshot) =
      switch event {
      case .phaseStarted(let snapshot): ("phaseStarted", snapshot)
      case .advanced(let snapshot): ("progress", snapshot)
      case .phaseFinished(let snapshot): ("phaseFinished", snapshot)
      }
    JSONLine.write(to: StandardError.self) { json in
      json.member("event", .string(kind))
      json.member("phase", .string(snapshot.phase))
      json.member("number", .integer(snapshot.number))
      json.member("phases", .integer(snapshot.phaseCount))
      json.member("bytesDone", .integer(snapshot.doneBytes))
      json.member("bytesTotal", .integer(snapshot.totalBytes))
      json.member("bytesPerSecond", .integer(Int(snapshot.bytesPerSecond)))
      json.member("secondsLeft", snapshot.secondsLeft.map { .double($0) } ?? .null)
      json.member("secondsLeftInAll", snapshot.secondsLeftInAll.map { .double($0) } ?? .null)
      json.member("peakMemory", .integer(ProcessMemory.peakByteCount))
    }
  }
}
