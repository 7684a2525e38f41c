internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// Shows progress: a live line on a terminal, a plain line now and then elsewhere, or events as JSON.
final class ProgressDisplay {
  private enum Form {
    case live
    case plain
    case json
  }

  private let reporter: ProgressReporter?

  /// Starts to show what a meter counts, unless progress is not wanted.
  init(_ meter: ProgressMeter, options: OutputOptions) throws {
    let form: Form = options.isJSON ? .json : StandardError.isTerminal ? .live : .plain
    guard !options.isQuiet || form == .json else {
      reporter = nil
      return
    }
    let interval: Duration =
      switch form {
      case .live: ProgressReporter.terminalInterval
      case .plain: ProgressReporter.plainInterval
      case .json: .seconds(1)
      }
    reporter = try ProgressReporter(meter, every: interval) { event in
      switch form {
      case .live: ProgressDisplay.showLive(event)
      case .plain: ProgressDisplay.showPlain(event)
      case .json: ProgressDisplay.showJSON(event)
      }
    }
  }

  /// Ends the display; a live line is wiped.
  func stop() { reporter?.stop() }

  private static func showLive(_ event: ProgressEvent) {
    switch event {
    case .phaseFinished: StandardError.rewriteLine("")
    case .phaseStarted(let snapshot), .advanced(let snapshot):
      StandardError.rewriteLine(String(line(snapshot).prefix(StandardError.columns - 1)))
    }
  }

  private static func showPlain(_ event: ProgressEvent) {
    switch event {
    case .phaseFinished(let snapshot):
      let seconds = NumberFormat.seconds(snapshot.elapsedSeconds)
      let bytes = ByteCount(snapshot.doneBytes)
      StandardError.writeLine("\(snapshot.phase): \(bytes) in \(seconds)")
    case .advanced(let snapshot): StandardError.writeLine(line(snapshot))
    case .phaseStarted: break
    }
  }

  private static func line(_ snapshot: ProgressSnapshot) -> String {
    var parts = [
      "\(snapshot.phase): \(ByteCount(snapshot.doneBytes)) of \(ByteCount(snapshot.totalBytes))"
    ]
    if let fraction = snapshot.fraction { parts.append("\(Int(fraction * 100)) %") }
    if snapshot.bytesPerSecond >= 1 {
      parts.append("\(ByteCount(Int(snapshot.bytesPerSecond)))/s")
    }
    if let left = snapshot.secondsLeft { parts.append("\(NumberFormat.seconds(left)) left") }
    parts.append("peak memory \(ByteCount(ProcessMemory.peakByteCount))")
    return parts.joined(separator: ", ")
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
      json.member("bytesDone", .integer(snapshot.doneBytes))
      json.member("bytesTotal", .integer(snapshot.totalBytes))
      json.member("bytesPerSecond", .integer(Int(snapshot.bytesPerSecond)))
      json.member("secondsLeft", snapshot.secondsLeft.map { .double($0) } ?? .null)
      json.member("peakMemory", .integer(ProcessMemory.peakByteCount))
    }
  }
}
