internal import SluiceFormats
internal import SluiceSearch

/// What a reader of a search's page wants to know first.
struct SearchHead {
  let facts: SearchResult
  let path: String

  private var candidates: Int { facts.models.reduce(0) { $0 + $1.trajectory.count } }

  /// The search in one sentence.
  private var sentence: String {
    guard !facts.models.isEmpty else { return "A search that found nothing" }
    if let merged = facts.models.first, !facts.numbers.isEmpty {
      let values = zip(facts.numbers, merged.factors.values).map { "\($0) \(Numbers.factor($1))" }
      return "\(PageHead.list(values)): of \(candidates) merges the best has a mean score of "
        + Numbers.percent(merged.domainRatio, 1)
    }
    let names = PageHead.list(facts.models.map(\.name))
    let ratios = PageHead.list(facts.models.map { Numbers.percent($0.domainRatio, 1) })
    return
      "Factors for \(names): of \(candidates) candidates the best have a Domain-Ratio of \(ratios)"
  }

  /// The numbers that stand out.
  private var cards: [(number: String, text: String)] {
    var cards: [(String, String)] = facts.models.prefix(2).map { model in
      let factors = model.factors.values.map(Numbers.factor).joined(separator: ", ")
      return (Numbers.percent(model.domainRatio, 1), "of \(model.name), with \(factors)")
    }
    if let merged = facts.merged, !merged.domainRatios.isEmpty {
      let mean = merged.domainRatios.values.reduce(0, +) / Double(merged.domainRatios.count)
      cards.append((Numbers.percent(mean, 1), "of all of them merged, on average"))
    }
    let seconds = facts.models.flatMap(\.trajectory).reduce(0) { $0 + $1.seconds }
    cards.append((Numbers.seconds(seconds), "of evaluation, for \(candidates) candidates"))
    return cards
  }

  /// Writes the head of the page.
  func write(to page: inout Markup) {
    page.element("header") { page in
      page.element("h1", text: sentence)
      page.element(
        "p", ["class": "lead"],
        text: facts.numbers.isEmpty
          ? "Pruned by \(facts.prune), searched by \(facts.strategy)."
          : "Numbers that the recipe marks, searched by \(facts.strategy) for the merge itself.")
    }
    page.cards(cards)
    page.command(
      "To merge with these factors:",
      "sluice run \(PageHead.quoted("\(Directory.parent(of: path))/\(SearchResult.recipeName)")) merged"
    )
  }
}

/// How sure a search can be of what it found.
struct SearchNoise {
  /// How far the result is ahead of the best other candidate; below zero if one on the way scored higher.
  let lead: Double?
  /// By how much candidates differ that are one step apart in one factor: the median.
  let neighbours: Double?

  init(_ model: SearchResult.Model, step: Double) {
    let steps = model.trajectory.filter {
      !$0.tasks.tasks.isEmpty && $0.domainRatio.isFinite && $0.factors.values.allSatisfy(\.isFinite)
    }
    let others = steps.filter { $0.factors != model.factors }.map(\.domainRatio)
    lead = others.max().map { model.domainRatio - $0 }
    var differences: [Double] = []
    for (index, first) in steps.enumerated() {
      for second in steps[..<index] where first.factors.values.count == second.factors.values.count
      {
        let apart = zip(first.factors.values, second.factors.values).map { ($0 - $1).magnitude }
        let moved = apart.filter { $0 > 1e-9 }
        if moved.count == 1, (moved[0] - step).magnitude < 1e-6 {
          differences.append((first.domainRatio - second.domainRatio).magnitude)
        }
      }
    }
    differences.sort()
    neighbours = differences.isEmpty ? nil : differences[differences.count / 2]
  }
}

/// The merged model beside the base and each parent, task by task.
struct MergedScores {
  let facts: SearchResult

  /// Writes the part of the page, if the merge was evaluated.
  func write(to page: inout Markup) {
    guard let merged = facts.merged else { return }
    var columns: [(name: String, scores: TaskScores)] = []
    if let base = facts.base { columns.append((name: "base", scores: base)) }
    for model in facts.models { columns.append((name: model.name, scores: model.dense)) }
    columns.append((name: "merged", scores: merged.tasks))
    let tasks = Set(columns.flatMap(\.scores.names)).sorted()
    page.section(
      "The merged model",
      "With the factors that were found, beside the base and each of its parents as they are."
    ) { page in
      page.table(
        Picture.Table(
          head: ["task"] + columns.map(\.name),
          rows: tasks.map { task in
            [task]
              + columns.map { column in
                column.scores.tasks[task].map { Numbers.fixed($0, 4) } ?? "-"
              }
          }))
      page.row([picture(tasks, columns)].compactMap(\.self), id: "merged")
      page.table(
        Picture.Table(
          head: ["merged, on the tasks of", "Domain-Ratio"],
          rows: merged.domainRatios.sorted { $0.key < $1.key }.map {
            [$0.key, Numbers.fixed($0.value, 4)]
          }))
      if facts.base == nil {
        page.note("The base was not evaluated: it is no directory that an evaluator can be given.")
      }
    }
  }

  private func picture(
    _ tasks: [String], _ columns: [(name: String, scores: TaskScores)]
  ) -> Picture? {
    let rows = tasks.prefix(40).map { task in
      DotRows.Row(
        name: task,
        values: columns.map { column in
          column.scores.tasks[task].flatMap { $0.isFinite ? $0 : nil }
        })
    }.filter { $0.values.contains { $0 != nil } }
    guard !rows.isEmpty, columns.count <= 5 else { return nil }
    let drawing = DotRows(rows: rows, names: columns.map(\.name)) { Numbers.fixed($0, 4) }
    return Picture(
      title: "Scores by task",
      description:
        "Scores of \(columns.map(\.name).joined(separator: ", ")) in \(rows.count) tasks.",
      caption:
        "Each row is a task, from zero to the best of its scores; the merged model is the last of the names.",
      height: drawing.height, table: nil, draw: drawing.draw)
  }
}
