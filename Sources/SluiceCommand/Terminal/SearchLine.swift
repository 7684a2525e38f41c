internal import SluiceCore
internal import SluiceDataflow
internal import SluiceSearch

/// The live line of a search: how many candidates have scores, the best so far, and what is at work.
///
/// `5 evaluated, best 87.20 % (math x [1.1, 1.3])  math x [1.2, 1.3] 35 s, about 25 s left: 310/500 tasks`
final class SearchLine: Sendable {
  private struct AtWork: Sendable {
    let name: String
    let start: MonotonicTime
    var line = ""
  }

  private struct State: Sendable {
    var atWork: [AtWork] = []
    var evaluated = 0
    var secondsInAll = 0.0
    var best: (ratio: Double, name: String)?
    var isOver = false
    var hasLine = false
  }

  /// How often a line is renewed on a terminal, and written elsewhere.
  private static let (liveInterval, plainInterval) = (
    Duration.milliseconds(500), Duration.seconds(10)
  )

  private let isShown: Bool
  private let style = TerminalStyle.standardError
  private let state = Monitor(State())

  init(isShown: Bool) { self.isShown = isShown }

  /// Starts to show the line, from a thread of its own.
  func start() throws {
    guard isShown else { return }
    let interval = style.rewritesLines ? SearchLine.liveInterval : SearchLine.plainInterval
    // Nobody joins it: it ends when the line is stopped, or with the process.
    _ = try NamedThread(name: "search line") { [self] in
      while true {
        let deadline = MonotonicTime.now.advanced(by: interval)
        if state.wait(before: deadline, until: { $0.isOver ? true : nil }) != nil { return }
        show()
      }
    }
  }

  /// Ends the line; a second call does nothing.
  func stop() {
    state.withLock { state in
      state.isOver = true
      wipe(&state)
    }
  }

  /// Writes a line that stays.
  func write(_ text: String) {
    state.withLock { state in
      wipe(&state)
      StandardError.writeLine(text)
    }
  }

  /// Takes in what happens.
  func take(_ event: SearchEvent, named name: (Candidate) -> String) {
    state.withLock { state in
      switch event {
      case .started(let candidate, _):
        state.atWork.append(AtWork(name: name(candidate), start: .now))
      case .heard(let candidate, let line):
        let title = name(candidate)
        if let index = state.atWork.firstIndex(where: { $0.name == title }) {
          state.atWork[index].line = line
        }
      case .evaluated(let candidate, let evaluation, let ratio):
        let title = name(candidate)
        state.atWork.removeAll { $0.name == title }
        state.evaluated += 1
        state.secondsInAll += evaluation.seconds + evaluation.makingSeconds
        if let ratio, candidate.factors != nil, ratio > state.best?.ratio ?? -1 {
          state.best = (ratio, title)
        }
      case .resumed, .endedLeftovers, .retried, .found, .warned: break
      }
    }
  }

  private func show() {
    state.withLock { state in
      guard !state.isOver, !state.atWork.isEmpty else { return }
      let text = line(state)
      guard style.rewritesLines else { return StandardError.writeLine(text) }
      StandardError.rewriteLine(String(text.prefix(StandardError.columns - 1)))
      state.hasLine = true
    }
  }

  private func line(_ state: State) -> String {
    var text = "\(state.evaluated) evaluated"
    if let best = state.best { text += ", best \(NumberFormat.percent(best.ratio)) (\(best.name))" }
    let usual = state.evaluated > 0 ? state.secondsInAll / Double(state.evaluated) : nil
    for work in state.atWork {
      let seconds = MonotonicTime.now.seconds(since: work.start)
      text += "  \(work.name) \(NumberFormat.roundSeconds(seconds))"
      if let usual, usual > seconds {
        text += ", about \(NumberFormat.roundSeconds(usual - seconds)) left"
      }
      if !work.line.isEmpty { text += ": \(work.line)" }
    }
    return text
  }

  private func wipe(_ state: inout State) {
    if state.hasLine { StandardError.rewriteLine("") }
    state.hasLine = false
  }
}
