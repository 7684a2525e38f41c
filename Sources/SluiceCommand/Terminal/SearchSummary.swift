internal import SluiceCore
internal import SluiceFormats
internal import SluiceSearch

/// The result of a search for people and for programs.
enum SearchSummary {
  static func text(_ result: SearchResult, out: String) -> String {
    if !result.numbers.isEmpty { return numbersText(result, out: out) }
    var rows = [
      ["model", "partitions", "factors", "method", "Domain-Ratio", "evaluated", "further"]
    ]
    for model in result.models {
      rows.append([
        model.name.printable, model.partitionRates.map { "\($0)" }.joined(separator: ","),
        model.factors.description, model.method, NumberFormat.percent(model.domainRatio),
        "\(model.trajectory.count)", "\(model.otherEvaluations)",
      ])
    }
    var text = Format.table(rows, leftAligned: [0, 1, 2, 3])
    for model in result.models {
      let best = model.trajectory.first { $0.factors == model.factors }
      text += "\n\(model.name.printable)\n"
      var rows = [["  task", "dense", "best", "Task-Ratio"]]
      for task in model.dense.names {
        let dense = model.dense.tasks[task] ?? 0
        let score = best?.tasks.tasks[task]
        rows.append([
          "  \(task.printable)", number(dense), score.map(number) ?? "",
          dense > 0 ? score.map { NumberFormat.percent($0 / dense) } ?? "" : "left out",
        ])
      }
      text += Format.table(rows)
    }
    if let merged = result.merged {
      text += "\nthe merge: \(scores(merged.tasks))\n"
      for (name, ratio) in merged.domainRatios.sorted(by: { $0.key < $1.key }) {
        text += "  Domain-Ratio of \(name.printable): \(NumberFormat.percent(ratio))\n"
      }
    }
    if let base = result.base { text += "\nthe base: \(scores(base))\n" }
    text += "\n\(out)/\(SearchResult.fileName) has the whole way; to merge:\n"
    text += "  sluice run \(out)/\(SearchResult.recipeName) --out merged\n"
    return text
  }

  /// The numbers of a recipe that were found.
  private static func numbersText(_ result: SearchResult, out: String) -> String {
    var text = ""
    for model in result.models {
      var rows = [["number", "value"]]
      for (name, value) in zip(result.numbers, model.factors.values) {
        rows.append([name.printable, Factors([value]).description])
      }
      let best = model.trajectory.first { $0.factors == model.factors }
      text += Format.table(rows, leftAligned: [0])
      text += "\nthe merge: \(scores(best?.tasks ?? TaskScores([:]))), "
      text += "\(number(model.domainRatio)) on the average of tasks\n"
      text += "\(model.trajectory.count) evaluated, \(model.otherEvaluations) further\n"
    }
    return text + "\n\(out)/\(SearchResult.fileName) has the whole way; to merge:\n"
      + "  sluice run \(out)/\(SearchResult.recipeName) --out merged\n"
  }

  /// Scores in one line.
  static func scores(_ scores: TaskScores) -> String {
    scores.names.map { "\($0.printable) \(number(scores.tasks[$0] ?? .nan))" }
      .joined(separator: ", ")
  }

  private static func number(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
    let digits = String(Int((abs(value) * 10000).rounded()) + 10000)
    let whole = (Int(digits.dropLast(4)) ?? 1) - 1
    return "\(value < 0 ? "-" : "")\(whole).\(digits.suffix(4))"
  }

  static func json(_ result: SearchResult, out: String) -> String {
    JSONLine.text { json in
      json.member("event", .string("searched"))
      json.member("out", .string(out))
      json.key("models")
      json.beginArray()
      for model in result.models {
        json.beginObject()
        json.member("name", .string(model.name))
        json.member("method", .string(model.method))
        json.key("factors")
        json.beginArray()
        for factor in model.factors.values { json.value(.double(factor)) }
        json.endArray()
        json.member("domainRatio", model.domainRatio)
        json.member("evaluations", model.trajectory.count)
        json.endObject()
      }
      json.endArray()
    }
  }
}
