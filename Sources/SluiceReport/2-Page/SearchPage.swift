internal import SluiceFormats
internal import SluiceSearch

/// The page of a search.
struct SearchPage {
  let facts: SearchResult
  let path: String

  /// The bytes of the page.
  var text: [UInt8] {
    Page.text(title: "sluice: search for amplification factors") { page in
      SearchHead(facts: facts, path: path).write(to: &page)
      results(&page)
      MergedScores(facts: facts).write(to: &page)
      for (index, model) in facts.models.enumerated() { section(model, index, &page) }
      page.section("Settings", "What was searched with.") { page in
        page.facts([
          ("pruning", facts.prune), ("strategy", facts.strategy),
          ("step and bound", "\(Numbers.factor(facts.step)), \(Numbers.factor(facts.bound))"),
          ("evaluator", facts.evaluator), ("result", path),
        ])
      }
      page.element("footer", text: "Made by sluice report. The page needs nothing but itself.")
    }
  }

  private func results(_ page: inout Markup) {
    page.section("What was found", "The best factors of each model, most severe partition first.") {
      page in
      page.table(
        Picture.Table(
          head: [
            "model", facts.numbers.isEmpty ? "factors" : "numbers",
            facts.numbers.isEmpty ? "Domain-Ratio" : "mean score", "ahead of the next",
            "neighbours differ by",
            "method", "candidates", "time",
          ],
          rows: facts.models.map { model in
            let noise = SearchNoise(model, step: facts.step)
            let seconds = model.trajectory.reduce(0) { $0 + $1.seconds }
            return [
              model.name, model.factors.values.map(Numbers.factor).joined(separator: ", "),
              Numbers.fixed(model.domainRatio, 4),
              noise.lead.map { Numbers.fixed($0, 4) } ?? "-",
              noise.neighbours.map { Numbers.fixed($0, 4) } ?? "-", model.method,
              "\(model.trajectory.count)",
              Numbers.seconds(seconds),
            ]
          }))
      page.note(
        "Neighbours are candidates one step apart in one factor; the number is the median of what their Domain-Ratios "
          + "differ by. A lead that is not above it may be chance.")
    }
  }

  private func section(_ model: SearchResult.Model, _ index: Int, _ page: inout Markup) {
    let pictures = SearchPictures(model: model)
    let rates = model.partitionRates.map { Numbers.percent($0, 0) }.joined(separator: ", ")
    let isMarked = !facts.numbers.isEmpty
    page.section(
      isMarked ? "The merge" : "Model \(model.name)",
      isMarked
        ? "\(facts.numbers.joined(separator: ", ")). What stands for a Domain-Ratio is the mean score of all tasks."
        : "Partitions \(rates); dense: \(model.dense.text). The Domain-Ratio is the geometric mean of the "
          + "scores divided by these."
    ) { page in
      let row = [pictures.map(), pictures.progress(), pictures.tasks(), pictures.cost()]
      page.row(row.compactMap(\.self), id: "search-\(index)")
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
  var text: String {
    names.map { "\($0) \(tasks[$0].map { Numbers.fixed($0, 4) } ?? "-")" }.joined(separator: ", ")
  }
}
