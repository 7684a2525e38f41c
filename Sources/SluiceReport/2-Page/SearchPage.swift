internal import SluiceSearch

/// The page of a search.
struct SearchPage {
  let facts: SearchResult
  let path: String

  /// The bytes of the page.
  var text: [UInt8] {
    Page.text(title: "sluice: search for amplification factors") { page in
      page.element("header") { page in
        page.element("h1", text: "Search for amplification factors")
        page.element("p", ["class": "lead"], text: path)
      }
      page.facts([
        ("pruning", facts.prune), ("strategy", facts.strategy),
        ("step and bound", "\(Numbers.factor(facts.step)), \(Numbers.factor(facts.bound))"),
        ("evaluator", facts.evaluator),
      ])
      results(&page)
      for (index, model) in facts.models.enumerated() { section(model, index, &page) }
      page.element("footer", text: "Made by sluice report. The page needs nothing but itself.")
    }
  }

  private func results(_ page: inout Markup) {
    page.section("What was found", "The best factors of each model, most severe partition first.") {
      page in
      page.table(
        Picture.Table(
          head: ["model", "factors", "Domain-Ratio", "method", "candidates", "time"],
          rows: facts.models.map { model in
            [
              model.name, model.factors.values.map(Numbers.factor).joined(separator: ", "),
              Numbers.fixed(model.domainRatio, 4), model.method, "\(model.trajectory.count)",
              Numbers.seconds(model.trajectory.reduce(0) { $0 + $1.seconds }),
            ]
          }))
      if let merged = facts.merged {
        page.element("h3", text: "The merge with all factors")
        page.table(
          Picture.Table(
            head: ["model", "Domain-Ratio"],
            rows: merged.domainRatios.sorted { $0.key < $1.key }.map {
              [$0.key, Numbers.fixed($0.value, 4)]
            }))
        page.note("Scores: \(merged.tasks.text)")
      }
    }
  }

  private func section(_ model: SearchResult.Model, _ index: Int, _ page: inout Markup) {
    let pictures = SearchPictures(model: model)
    let rates = model.partitionRates.map { Numbers.percent($0, 0) }.joined(separator: ", ")
    page.section(
      "Model \(model.name)",
      "Partitions \(rates); dense: \(model.dense.text). The Domain-Ratio is the geometric mean of the scores "
        + "divided by these."
    ) { page in
      page.row([pictures.map(), pictures.progress()].compactMap(\.self), id: "search-\(index)")
      if model.trajectory.contains(where: { $0.factors.values.count != 2 }) {
        page.note(
          "The way through the factors is drawn for two partitions only; the table has all.")
      }
      if model.otherEvaluations > 0 {
        page.note(
          "\(Numbers.grouped(Double(model.otherEvaluations))) further candidates were evaluated: guesses, and those of "
            + "earlier searches.")
      }
      if !model.warnings.isEmpty {
        page.element("ul") { list in
          for warning in model.warnings { list.element("li", text: warning) }
        }
      }
    }
  }
}

extension TaskScores {
  /// The scores by the names of their tasks; `-` for one that was no number.
  fileprivate var text: String {
    names.map { "\($0) \(tasks[$0].map { Numbers.fixed($0, 4) } ?? "-")" }.joined(separator: ", ")
  }
}
