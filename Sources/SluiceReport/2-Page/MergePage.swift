internal import SluiceFormats
internal import SluiceRun

/// The page of a merge.
struct MergePage {
  let facts: ReportedMerge
  let dimensions: DimensionFigures
  let path: String

  private var isElected: Bool { facts.electsSigns && facts.models.count > 1 }

  /// The bytes of the page.
  var text: [UInt8] {
    Page.text(
      title: "sluice: \(facts.prune) merge of \(PageHead.list(facts.models.map(\.name)))"
    ) {
      page in
      PageHead(facts: facts, path: path).write(to: &page)
      changes(&page)
      rates(&page)
      kept(&page)
      conflicts(&page)
      blocks(&page)
      settings(&page)
      run(&page)
      page.element(
        "footer",
        text: "Made by sluice report from \(path). The page needs nothing but itself.")
    }
  }

  private func changes(_ page: inout Markup) {
    page.section(
      "What was changed",
      "How far each model moved from the base, how the models agree, and how much of each is in the result."
    ) { page in
      guard !facts.changes.isEmpty else {
        return page.note("The report does not say how tensors were changed.")
      }
      overview(&page)
      page.row(DistributionPictures(facts).pictures, id: "distribution")
      let pictures = ChangePictures(facts)
      page.row(pictures.sizes, id: "size")
      page.row(pictures.agreements, id: "agreement")
      page.row(pictures.inheritance, id: "inheritance")
      if pictures.sizes.isEmpty {
        page.note(
          "Layers are not drawn: there are too many, or frames or solutions stood in the place of the models' weights. "
            + "What is known of each tensor is below.")
      }
      page.note(
        "Pictures of one kind share one scale from zero. Large tensors were measured in tiles scattered over "
          + "them, while they were merged; the numbers of each tensor are below, block by block.")
    }
  }

  /// Models, and pairs of them, over all tensors that were measured.
  private func overview(_ page: inout Markup) {
    let linear = facts.changes.filter(\.isLinear)
    let total = ChangeTotal(linear.isEmpty ? facts.changes : linear)
    let what = linear.isEmpty ? "all tensors" : "linear layers"
    func decimal(_ value: Double?) -> String { value.map { Numbers.fixed($0, 3) } ?? "-" }
    page.table(
      Picture.Table(
        head: ["\(what) of", "size of the change", "kept", "cosine with the result"],
        rows: facts.models.indices.map { model in
          [
            facts.models[model].name, Numbers.share(total.relative(model)),
            Numbers.share(total.keptShare(model)), decimal(total.cosine(model)),
          ]
        }))
    let pairs = ChangePictures(facts).pairs
    guard !pairs.isEmpty else { return }
    page.table(
      Picture.Table(
        head: ["\(what) of", "cosine", "overlap", "conflicts"],
        rows: pairs.map { pair in
          [
            "\(facts.models[pair.first].name), \(facts.models[pair.second].name)",
            decimal(total.cosine(pair.first, pair.second)),
            Numbers.share(total.overlap(pair.first, pair.second)),
            Numbers.share(total.conflict(pair.first, pair.second)),
          ]
        }))
  }

  private func blocks(_ page: inout Markup) {
    guard !facts.changes.isEmpty else { return }
    page.section("Block by block", "Every tensor that was measured; a part opens on demand.") {
      page in BlockSections(facts: facts).write(to: &page)
    }
  }

  private func settings(_ page: inout Markup) {
    page.section("Settings", "What was asked for.") { page in
      page.facts([
        ("base", facts.base), ("method", "\(facts.prune), then \(facts.merging)"),
        (
          "partitions",
          facts.partitionRates.map { Numbers.percent($0, 0) }.joined(separator: ", ")
        ), ("attempts", facts.totals["attempts"]?.number.map(Numbers.grouped) ?? ""),
        ("sluice", facts.sluice),
      ])
      page.table(
        Picture.Table(
          head: ["model", "factors", "weight", "requested", "pruned", "path"],
          rows: facts.models.map { model in
            [
              model.name, model.factors.map(Numbers.factor).joined(separator: ", "),
              Numbers.factor(model.weight), Numbers.percent(model.requestedRate),
              Numbers.percent(model.achievedRate), model.path,
            ]
          }))
    }
  }

  /// What only methods that look at the size of deltas have to say.
  private func rates(_ page: inout Markup) {
    guard facts.models.contains(where: { !$0.layers.isEmpty }) else { return }
    page.section(
      "Significance and rates",
      "Layers that a fine-tune changed in few places by much are more significant; less of them is pruned."
    ) { page in
      let multiple = facts.recipe["significanceMultiple"]?.number ?? 5
      // What lies below a twentieth is next to nothing, and looks like it.
      let most = max(0.05, facts.models.flatMap { $0.layers.map(\.significance) }.max() ?? 0)
      page.row(
        facts.models.compactMap { LayerPictures($0).significance(multiple: multiple, most: most) },
        id: "significance")
      page.row([RatePictures(facts: facts).models()].compactMap(\.self), id: "achieved")
      let rates = facts.models.compactMap { LayerPictures($0).rates() }
      page.row(rates, id: "rates")
      if rates.isEmpty {
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
    guard facts.models.contains(where: { !$0.layers.isEmpty }) else { return }
    page.section(
      "Kept elements", "What stays of each fine-tune: by block, and by dimension."
    ) { page in
      let pictures = RatePictures(facts: facts)
      let most = pictures.most
      page.row(
        facts.models.compactMap { pictures.partitions($0, most: most) }, id: "partitions")
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
}
