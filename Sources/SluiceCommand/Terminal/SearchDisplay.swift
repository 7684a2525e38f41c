internal import SluiceCore
internal import SluiceFormats
internal import SluiceSearch

/// Shows what happens in a search: a line for each evaluation, and what is at work; or events as JSON.
struct SearchDisplay: Sendable {
  private let isJSON: Bool
  private let isQuiet: Bool
  private let isVerbose: Bool
  private let live: SearchLine

  init(options: OutputOptions) {
    isJSON = options.isJSON
    isQuiet = options.isQuiet
    isVerbose = options.isVerbose
    live = SearchLine(isShown: !options.isQuiet && !options.isJSON)
  }

  /// Starts to show what is at work; the caller stops it.
  func start() throws { try live.start() }

  /// Ends the live line.
  func stop() { live.stop() }

  /// Shows an event; called from any thread.
  func show(_ event: SearchEvent) {
    if isJSON { return showJSON(event) }
    guard !isQuiet else { return }
    live.take(event, named: name)
    switch event {
    case .heard: break
    case .resumed(let count):
      write("going on with \(count) evaluation\(count == 1 ? "" : "s") from before")
    case .endedLeftovers(let count):
      write("ended \(count) evaluator\(count == 1 ? "" : "s") that a killed search left running")
    case .started(let candidate, let isNeeded):
      guard isVerbose else { return }
      write("\(name(candidate)): begun" + (isNeeded ? "" : ", may turn out not to be needed"))
    case .retried(let candidate, let reason):
      write("warning: \(name(candidate)): the evaluator \(reason); trying again")
    case .evaluated(let candidate, let evaluation, let ratio):
      var line = "\(name(candidate)): \(SearchSummary.scores(evaluation.scores))"
      if let ratio { line += ", Domain-Ratio \(NumberFormat.percent(ratio))" }
      line += " (\(NumberFormat.seconds(evaluation.seconds))"
      if isVerbose { line += ", made in \(NumberFormat.seconds(evaluation.makingSeconds))" }
      write(line + ")")
    case .found(let model):
      for warning in model.warnings { write("warning: model \(model.name): \(warning)") }
    case .warned(let model, let message):
      write("warning: " + (model.isEmpty ? "" : "model \(model): ") + message)
    }
  }

  private func write(_ line: String) { live.write(line) }

  private func name(_ candidate: Candidate) -> String {
    switch candidate.content {
    case .dense(let model): "\(model), unmerged"
    case .amplified(let model, let factors): "\(model) x \(factors.listed)"
    case .merged: "the merge"
    case .marked(let values): "the merge with \(values.listed)"
    case .base: "the base"
    }
  }

  private func showJSON(_ event: SearchEvent) {
    if case .heard = event { return }
    JSONLine.write(to: StandardError.self) { json in
      switch event {
      case .heard: break
      case .resumed(let count):
        json.member("event", .string("resumed"))
        json.member("evaluations", .integer(count))
      case .endedLeftovers(let count):
        json.member("event", .string("endedLeftovers"))
        json.member("processes", .integer(count))
      case .started(let candidate, let isNeeded):
        json.member("event", .string("started"))
        write(candidate, &json)
        json.member("isNeeded", isNeeded)
      case .retried(let candidate, let reason):
        json.member("event", .string("retried"))
        write(candidate, &json)
        json.member("reason", .string(reason))
      case .evaluated(let candidate, let evaluation, let ratio):
        json.member("event", .string("evaluated"))
        write(candidate, &json)
        json.key("tasks")
        json.beginObject()
        for name in evaluation.scores.names {
          json.member(named: name, .double(evaluation.scores.tasks[name] ?? 0))
        }
        json.endObject()
        json.member("domainRatio", ratio.map { .double($0) } ?? .null)
        json.member("seconds", evaluation.seconds)
        json.member("makingSeconds", evaluation.makingSeconds)
      case .found(let model):
        json.member("event", .string("found"))
        json.member("model", .string(model.name))
        json.member("factors", .string(model.factors.description))
        json.member("domainRatio", model.domainRatio)
        json.key("warnings")
        json.beginArray()
        for warning in model.warnings { json.value(.string(warning)) }
        json.endArray()
      case .warned(let model, let message):
        json.member("event", .string("warning"))
        json.member("model", .string(model))
        json.member("message", .string(message))
      }
    }
  }

  private func write(_ candidate: Candidate, _ json: inout JSONWriter) {
    json.member("model", .string(candidate.model))
    json.member("candidate", .string(candidate.label))
  }
}
