internal import SluiceFormats
internal import SluicePipeline

/// The page of a merge.
struct MergePage {
  let facts: ReportedMerge
  let dimensions: DimensionFigures
  let path: String

  private var isElected: Bool { facts.electsSigns && facts.models.count > 1 }

  /// The bytes of the page.
  var text: [UInt8] {
    Page.text(
      title: "sluice: \(facts.prune) merge of \(facts.models.map(\.name).joined(separator: ", "))"
    ) {
      page in
      head(&page)
      rates(&page)
      significance(&page)
      kept(&page)
      conflicts(&page)
      run(&page)
      warnings(&page)
      page.element(
        "footer",
        text: "Made by sluice report from \(path). The page needs nothing but itself.")
    }
  }

  private func head(_ page: inout Markup) {
    page.element("header") { page in
      page.element("h1", text: "Merge of \(facts.models.map(\.name).joined(separator: ", "))")
      page.element("p", ["class": "lead"], text: path)
    }
    let totals = facts.totals
    page.facts([
      ("base", facts.base),
      ("method", "\(facts.prune), then \(facts.merging)"),
      (
        "partitions",
        facts.partitionRates.map { Numbers.percent($0, 0) }.joined(separator: ", ")
      ),
      ("time", totals["seconds"]?.number.map(Numbers.seconds) ?? ""),
      ("read", totals["bytesRead"]?.number.map(Numbers.bytes) ?? ""),
      ("written", totals["bytesWritten"]?.number.map(Numbers.bytes) ?? ""),
      ("attempts", totals["attempts"]?.number.map(Numbers.grouped) ?? ""),
      ("sluice", facts.sluice),
    ])
    page.table(
      Picture.Table(
        head: ["model", "factors", "weight", "asked", "achieved", "path"],
        rows: facts.models.map { model in
          [
            model.name, model.factors.map(Numbers.factor).joined(separator: ", "),
            Numbers.factor(model.weight), Numbers.percent(model.requestedRate),
            Numbers.percent(model.achievedRate), model.path,
          ]
        }))
  }

  private func rates(_ page: inout Markup) {
    page.section(
      "Rates", "How much was asked to be pruned, and how much was."
    ) { page in
      let pictures = RatePictures(facts: facts)
      let overall = [pictures.models()].compactMap(\.self)
      let layers = facts.models.compactMap { LayerPictures($0).rates() }
      page.row(overall, id: "achieved")
      page.row(layers, id: "rates")
      if overall.isEmpty, layers.isEmpty {
        page.note("This method does not look at rates of layers.")
      }
    }
  }

  private func significance(_ page: inout Markup) {
    page.section(
      "Significance",
      "Which layers a fine-tune changed in few places by much. Less of them is pruned."
    ) { page in
      let multiple = facts.recipe["significanceMultiple"]?.number ?? 5
      let row = facts.models.compactMap { LayerPictures($0).significance(multiple: multiple) }
      page.row(row, id: "significance")
      if row.isEmpty, facts.models.allSatisfy(\.layers.isEmpty) {
        page.note("The method does not look at significance, so the report has none.")
      } else if row.isEmpty {
        page.note("There are too many layers to be drawn; the numbers are below.")
      }
      if facts.models.contains(where: { LayerPictures($0).hasExperts }) {
        page.note("Experts of one kind share a cell: it shows their mean, each by its size.")
      }
      for model in facts.models where !model.layers.isEmpty {
        page.details(
          "All numbers of \(model.name)", LayerPictures(model).table(facts.partitionRates))
      }
    }
  }

  private func kept(_ page: inout Markup) {
    page.section(
      "Kept elements", "What stays of each fine-tune: by block, by layer, and by dimension."
    ) { page in
      let pictures = RatePictures(facts: facts)
      page.row(facts.models.compactMap { pictures.partitions($0) }, id: "partitions")
      page.row(facts.models.compactMap { LayerPictures($0).kept() }, id: "kept")
      switch dimensions {
      case .missing(let why): page.note("By dimension: not available, as \(why).")
      case .counted(let counts, let pattern):
        page.element("h3", text: "By dimension: \(pattern)")
        page.note(
          "Counted again from base and models; each of the \(counts.count) layers gives exactly the report's number "
            + "of kept elements. Other layers: sluice report --dimensions PATTERN.")
        page.row(DimensionPictures(counts: counts, facts: facts).pictures, id: "dimensions")
      }
    }
  }

  private func conflicts(_ page: inout Markup) {
    guard isElected else { return }
    page.section("TIES", "Where models want to move the same weight in opposite directions.") {
      page in
      guard case .counted(let counts, let pattern) = dimensions,
        let picture = DimensionPictures(counts: counts, facts: facts).conflicts()
      else {
        return page.note(
          "Conflicts are not in the report, and could not be counted again from base and models.")
      }
      page.note("In the layers that were counted again: \(pattern).")
      page.row([picture], id: "conflicts")
    }
  }

  private func run(_ page: inout Markup) {
    page.section("Time and memory", "What the run cost, and what its parts waited for.") { page in
      let pictures = RunPictures(facts: facts)
      let row = [pictures.passes(), pictures.time(), pictures.memory()].compactMap(\.self)
      page.row(row, id: "run")
      if facts.passes.isEmpty {
        page.note(
          "The report does not say what the passes did: it is of another version of sluice.")
      }
    }
  }

  private func warnings(_ page: inout Markup) {
    guard !facts.warnings.isEmpty else { return }
    page.section("Warnings", "What was skipped, clamped, converted or guessed.") { page in
      page.element("ul") { list in
        for warning in facts.warnings.prefix(500) {
          list.element("li", text: "\(warning.kind): \(warning.subject): \(warning.message)")
          list.newLine()
        }
      }
    }
  }
}
