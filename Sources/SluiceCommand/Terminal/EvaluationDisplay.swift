internal import SluiceCore
internal import SluiceEvaluate
internal import SluiceFormats

/// What an evaluation found and what it takes, for people and for programs.
enum EvaluationDisplay {
  /// - Parameters:
  ///   - result: What was found.
  ///   - librarySpeed: What the speed is compared with; nil if neither is shown.
  /// - Returns: Tables, with the costs below them if there is a speed.
  static func text(_ result: EvaluationResult, librarySpeed: Double?) -> String {
    var text = ""
    for model in result.models {
      if result.models.count > 1 { text += "\(model.name.printable)\n" }
      text += table(model.tasks)
      if result.models.count > 1 { text += "\n" }
    }
    guard let librarySpeed else { return text }
    return text
      + "\(ByteCount(result.bytesRead)) read, \(operations(result.operations)) operations, "
      + "\(speed(result.productSpeed)) a lane (the library alone: \(speed(librarySpeed))), "
      + "\(NumberFormat.seconds(result.seconds)), peak memory \(ByteCount(result.peakBytes))\n"
  }

  private static func table(_ tasks: [TaskScore]) -> String {
    var rows = [["task", "examples", "tokens", "loss", "perplexity", "score", "", "by length"]]
    for task in tasks {
      rows.append([
        task.name.printable, "\(task.examples.count)", "\(task.tokenCount)",
        figure(task.loss, 4), figure(task.perplexity, 3),
        share(task.accuracy ?? task.exactMatch), task.isChoice ? "right choices" : "exact matches",
        share(task.accuracyByLength),
      ])
    }
    return Format.table(rows, leftAligned: [0, 6])
  }

  private static func figure(_ figure: ScoreFigure, _ places: Int) -> String {
    let error = figure.error.map { " ± \(NumberFormat.fixed($0, places))" } ?? ""
    return NumberFormat.fixed(figure.value, places) + error
  }

  private static func share(_ figure: ScoreFigure?) -> String {
    guard let figure else { return "" }
    let error = figure.error.map { " ± \(NumberFormat.fixed($0 * 100, 2))" } ?? ""
    return "\(NumberFormat.fixed(figure.value * 100, 2))\(error) %"
  }

  private static func speed(_ speed: Double) -> String {
    "\(NumberFormat.fixed(speed / 1e9, 1)) GFLOP/s"
  }

  private static func operations(_ count: Double) -> String {
    count >= 1e12
      ? "\(NumberFormat.fixed(count / 1e12, 2)) T" : "\(NumberFormat.fixed(count / 1e9, 2)) G"
  }

  static func text(_ plan: EvaluationPlan) throws -> String {
    let seconds = try plan.estimatedSeconds()
    var rows = [
      ["models", plan.models.map(\.path.printable).joined(separator: ", ")],
      ["kind", "\(plan.shape.family.rawValue), \(plan.shape.layerCount) layers"],
    ]
    for task in plan.tasks {
      rows.append([
        "task \(task.name.printable)",
        "\(task.examples.count) examples, \(task.isChoice ? "choices" : "answers")",
      ])
    }
    rows += [
      ["sequences", "\(plan.batch.sequences.count), \(plan.batch.rowCount) tokens"],
      ["reads", "\(ByteCount(plan.bytesRead))"],
      ["operations", operations(plan.operations)],
      ["lanes", "\(plan.needs.lanes)"],
      ["memory", "\(ByteCount(plan.memoryBytes))"],
      [
        "scratch files",
        plan.scratchBytes > 0
          ? "\(ByteCount(plan.scratchBytes)) in \(plan.scratch.printable)" : "none",
      ],
      ["time", "about \(NumberFormat.roundSeconds(seconds)) of products"],
    ]
    return Format.table(rows, leftAligned: [0, 1])
  }

  static func json(_ plan: EvaluationPlan) throws -> String {
    let seconds = try plan.estimatedSeconds()
    return JSONLine.text { json in
      json.member("event", "evaluationPlan")
      json.key("models")
      json.beginArray()
      for model in plan.models { json.value(.string(model.path)) }
      json.endArray()
      json.member("modelType", plan.shape.family.rawValue)
      json.member("sequences", plan.batch.sequences.count)
      json.member("tokens", plan.batch.rowCount)
      json.member("bytesRead", plan.bytesRead)
      json.member("operations", plan.operations)
      json.member("lanes", plan.needs.lanes)
      json.member("memoryBytes", plan.memoryBytes)
      json.member("scratchBytes", plan.scratchBytes)
      json.member("seconds", seconds)
    }
  }
}
