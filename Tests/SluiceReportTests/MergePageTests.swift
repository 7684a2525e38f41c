import Foundation
import SluiceCore
import SluiceFormats
import SluiceKernels
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@testable import SluiceReport

/// Pages about merges of tiny families.
@Suite("Pages of merges") struct MergePageTests {
  /// A merge on disk: `base`, one directory for each model, `out`.
  private func merge(
    seed: UInt64 = 21, names: [String] = ["math", "law"], tieBreak: TieBreak = .spread,
    change: (inout MergeRecipe) -> Void = { _ in }, shape: (inout FamilySpec) -> Void = { _ in }
  ) throws -> (directory: ScratchDirectory, report: MergeReport, family: ModelFamily) {
    var spec = FamilySpec(seed: seed)
    spec.fineTunes = names.indices.map { FamilySpec.FineTune("model\($0)", drift: .heavy) }
    shape(&spec)
    let family = spec.build()
    let directory = try ScratchDirectory()
    try family.base.write(to: directory("base"), layout: ShardingLayout())
    var models: [MergeRecipe.Model] = []
    for (name, tuned) in zip(names, family.fineTuned) {
      try tuned.model.write(to: directory(tuned.name), layout: ShardingLayout())
      models.append(MergeRecipe.Model(name: name, path: directory(tuned.name)))
    }
    var method = MethodParameters(pruningRate: try #require(PruningRate(0.8)))
    method.tieBreak = tieBreak
    models[0].amplification = [1.3, 1.1]
    var recipe = MergeRecipe(base: directory("base"), models: models, method: method)
    change(&recipe)
    let report = try MergeRun(
      try MergePlan(recipe, options: RunOptions(threads: 1)), output: directory("out")
    ).execute()
    return (directory, report, family)
  }

  /// The page, with what can be counted again.
  private func page(_ directory: ScratchDirectory) throws -> PageDocument {
    try PageDocument(
      try ReportPage(directory("out")) { try DimensionFigures.read($0, pattern: nil) {} })
  }

  @Test("the page is well-formed, fetches nothing and runs nothing") func selfContained() throws {
    let (directory, _, _) = try merge()
    let page = try page(directory)
    for name in ["script", "link", "img", "iframe", "object", "image", "use"] {
      #expect(page.all(name).isEmpty, "\(name)")
    }
    let ids = Set(page.elements.compactMap { $0.attributes["id"] })
    for element in page.elements {
      for (key, value) in element.attributes {
        #expect(!key.hasPrefix("on") && key != "src" && key != "style")
        // Links lead to parts of the page that are there.
        if key == "href" {
          #expect(value.hasPrefix("#") && ids.contains(String(value.dropFirst())))
        }
        // The only addresses are the names of the two languages.
        if value.contains("://") { #expect(key == "xmlns") }
      }
    }
    // The blocks, and what is outside of them.
    #expect(page.all("a").count == 3)
    let style = try #require(page.all("style").first).text
    #expect(!style.contains("url(") && !style.contains("@import"))
    #expect(style.contains("prefers-color-scheme: dark"))
  }

  @Test("every drawing says in words what it shows, and has its numbers in a table")
  func alternatives() throws {
    let (directory, _, _) = try merge()
    let page = try page(directory)
    let drawings = page.all("svg")
    #expect(drawings.count >= 12)
    var ids: Set<String> = []
    for element in page.elements {
      if let id = element.attributes["id"] { #expect(ids.insert(id).inserted, "\(id) twice") }
    }
    for drawing in drawings {
      let labels = try #require(drawing.attributes["aria-labelledby"]).split(separator: " ")
      #expect(labels.count == 2 && labels.allSatisfy { ids.contains(String($0)) })
      #expect(drawing.attributes["role"] == "img")
    }
    #expect(page.all("desc").count == drawings.count)
    #expect(page.all("desc").allSatisfy { $0.text.count > 20 })
    #expect(page.all("figure").count == drawings.count)
    // Those of changes have their numbers in the parts of the blocks: four models' and four pairs'.
    let numbers = page.all("summary").count { $0.text == "The numbers" }
    #expect(numbers == drawings.count - 10)
  }

  @Test("the numbers of the figures are the report's") func numbers() throws {
    let (directory, report, _) = try merge()
    let page = try page(directory)
    let cells = Set(page.all("title").map(\.text))
    let rows = page.all("tr").map(\.text)
    for model in report.models {
      for layer in model.layers {
        let statistics = layer.statistics
        let parts = statistics.name.split(separator: ".")
        let block = parts.prefix(3).joined(separator: ".")
        let linear = parts.dropFirst(3).dropLast().joined(separator: ".")
        let place = "\(block), \(linear): "
        #expect(cells.contains(place + Numbers.percent(statistics.significance)))
        #expect(cells.contains(place + Numbers.percent(layer.cuts.rates.last ?? 0)))
        let row = rows.contains { row in
          row.hasPrefix(statistics.name)
            && row.contains(Numbers.grouped(Double(statistics.elementCount)))
            && row.contains(Numbers.percent(statistics.significance))
        }
        #expect(row, "the row of \(statistics.name)")
      }
      let achieved = Numbers.percent(try #require(model.achievedRate))
      #expect(
        rows.contains { $0.hasPrefix(model.name) && $0.contains(achieved) })
    }
    for pass in report.passes {
      #expect(rows.contains { $0.hasPrefix(pass.name) })
    }
  }

  @Test("changes of layers are shown in pictures and in the parts of their blocks")
  func changes() throws {
    let (directory, report, _) = try merge()
    let page = try PageDocument(try ReportPage(directory("out")))
    let cells = Set(page.all("title").map(\.text))
    let rows = page.all("tr").map(\.text)
    var seen = 0
    for task in report.plan.tasks {
      let strips = report.plan.tensors.granularity.stripCount(of: task.elementCount)
      guard let sums = report.figures?.sums(of: task, stripCount: strips) else { continue }
      let size = (sums.changes[0].dot / sums.base.dot).squareRoot()
      let parts = task.name.split(separator: ".")
      let isInBlock = task.name.hasPrefix("model.layers.")
      let name = isInBlock ? parts.dropFirst(3).joined(separator: ".") : task.name
      #expect(
        rows.contains { $0.hasPrefix(name) && $0.contains(Numbers.share(size)) }, "\(task.name)")
      if task.role == .linear {
        let linear = parts.dropFirst(3).dropLast().joined(separator: ".")
        #expect(
          cells.contains(
            "\(parts.prefix(3).joined(separator: ".")), \(linear): \(Numbers.share(size))"))
      }
      seen += 1
    }
    #expect(seen > 10)
    let sentence = try #require(page.all("h1").first).text
    #expect(sentence.hasPrefix("math and law merged into one model: 20.1 % of the elements"))
    #expect(page.all("strong").count == 4)
  }

  @Test("the sizes of deltas are drawn for each model, with zeros and quantiles")
  func distributions() throws {
    let (directory, report, family) = try merge()
    let page = try page(directory)
    let ridges = page.all("path").filter { $0.attributes["class"] == "ridge" }
    #expect(ridges.count == 2 * report.models.count)
    #expect(ridges.allSatisfy { $0.attributes["d"]?.hasSuffix("Z") == true })
    let block = "model.layers.0"
    var deltas: [Float] = []
    for task in report.plan.tasks where task.role == .linear && task.name.hasPrefix(block + ".") {
      let base = try #require(family.base[task.name]?.floats)
      deltas += zip(try #require(family.fineTuned[0].model[task.name]?.floats), base).map {
        $0 - $1
      }
    }
    let row = try #require(
      page.all("tr").map(\.text).first { $0.hasPrefix(block) && $0.contains("e-") })
    // Within a class of sizes quantiles are between its ends.
    let median = Double(deltas.map(\.magnitude).sorted()[deltas.count / 2])
    let written = try #require(
      row.split(separator: "%").dropFirst().first.flatMap { Double($0.prefix(6)) })
    #expect(written > median / 2 && written < median * 2)
  }

  @Test("a page about 32 blocks of two models, with all there is, takes at most 1 MB")
  func size() throws {
    let (directory, _, _) = try merge(shape: { spec in
      spec.layerCount = 32
      (spec.hiddenSize, spec.headCount, spec.headSize) = (64, 2, 32)
      spec.intermediateSize = 96
    })
    let page = try ReportPage(directory("out")) {
      try DimensionFigures.read($0, pattern: nil) {}
    }
    #expect(page.bytes.count > 300_000)
    #expect(page.bytes.count <= 1_000_000, "\(page.bytes.count)")
  }

  @Test("two merges are compared, tensor by tensor") func comparison() throws {
    let (first, report, _) = try merge()
    let (second, _, _) = try merge { $0.models[1].amplification = [1.5, 1] }
    let page = try PageDocument(try ReportPage(comparing: first("out"), second("out")))
    let rows = page.all("tr").map(\.text)
    #expect(rows.contains { $0.hasPrefix("law: factors1, 11.5, 1") })
    #expect(!rows.contains { $0.hasPrefix("pruningRate") })
    for task in report.plan.tasks where task.role == .linear {
      #expect(rows.contains { $0.hasPrefix("\(task.name)differ") })
    }
    let same = try PageDocument(try ReportPage(comparing: first("out"), first("out")))
    #expect(
      same.all("h1").first?.text
        == "0 settings differ; all \(report.plan.tasks.count) tensors have the same bytes")
  }

  @Test("names cannot become markup") func escaping() throws {
    let hostile = "</title><script>alert('1')</script>&\"\u{202e}x"
    let (directory, _, _) = try merge(names: [hostile, "law"])
    let page = try page(directory)
    #expect(page.all("script").isEmpty)
    #expect(!page.source.contains("<script") && !page.source.contains("\u{202e}"))
    #expect(page.all("h1").first?.text.contains("<script>alert('1')</script>&\"") == true)
  }

  @Test(
    "what is counted by dimension equals the masks of the scalar reference",
    arguments: [TieBreak.spread, .index, .drop, .keep])
  func dimensions(tieBreak: TieBreak) throws {
    let (directory, report, family) = try merge(tieBreak: tieBreak)
    let facts = try ReportedMerge(directory("out/sluice-report.json"))
    let figures = try DimensionFigures.read(facts, pattern: "*") {}
    guard case .counted(let counts, _) = figures else {
      Issue.record("nothing was counted: \(figures)")
      return
    }
    #expect(counts.count == report.models[0].layers.count)
    let reference = try #require(Reference.TieBreak(rawValue: tieBreak.rawValue))
    for count in counts {
      let base = try #require(family.base[count.tensor]?.floats)
      var kept: [[Bool]] = []
      var signs: [[Float]] = []
      for (index, tuned) in family.fineTuned.enumerated() {
        let other = try #require(tuned.model[count.tensor]?.floats)
        let delta = zip(base, other).map { $1 - $0 }
        let layer = try #require(
          report.models[index].layers.first { $0.statistics.name == count.tensor })
        let masks = try #require(
          Reference.masks(of: delta, rates: layer.cuts.rates, tieBreak: reference).last
        ).isKept
        kept.append(masks)
        signs.append(zip(delta, masks).map { $1 ? $0 : 0 })
      }
      for (model, own) in zip(count.models, kept) {
        #expect(model.kept == own.count { $0 })
        try expectBands(model.rows, own, count, isRows: true)
        try expectBands(model.columns, own, count, isRows: false)
      }
      let pairs = zip(signs[0], signs[1])
      #expect(count.merged == pairs.count { $0 != 0 || $1 != 0 })
      #expect(count.shared == pairs.count { $0 != 0 && $1 != 0 })
      #expect(count.conflicting == pairs.count { $0 * $1 < 0 })
    }
  }

  private func expectBands(
    _ bands: [Double], _ kept: [Bool], _ count: DimensionCounts, isRows: Bool
  ) throws {
    var sums = bands.map { _ in (kept: 0, all: 0) }
    for (index, isKept) in kept.enumerated() {
      let position = isRows ? index / count.columnCount : index % count.columnCount
      let band = position * bands.count / (isRows ? count.rowCount : count.columnCount)
      sums[band].kept += isKept ? 1 : 0
      sums[band].all += 1
    }
    for (share, sum) in zip(bands, sums) {
      #expect(abs(share - Double(sum.kept) / Double(sum.all)) < 1e-12)
    }
  }

  @Test("without its inputs the page says what is missing") func missingInputs() throws {
    let (directory, _, _) = try merge()
    try FileManager.default.removeItem(atPath: directory("model1"))
    let page = try page(directory)
    let notes = page.all("p").map(\.text)
    #expect(notes.contains { $0.contains("not available") && $0.contains("model1") })
    #expect(notes.contains { $0.hasPrefix("Conflicts are not in the report") })
  }

  @Test("inputs that changed are not drawn") func changedInputs() throws {
    let (directory, _, family) = try merge()
    try family.fineTuned[1].model.write(to: directory("model0"), layout: ShardingLayout())
    let facts = try ReportedMerge(directory("out/sluice-report.json"))
    guard case .missing(let why) = try DimensionFigures.read(facts, pattern: "*", isStopped: {})
    else {
      Issue.record("counted with another model")
      return
    }
    #expect(why.contains("did not give the report's numbers"))
  }

  @Test(
    "reports of all kinds of methods are drawn",
    arguments: ["dp", "magnitude", "owl", "dare", "none"])
  func methods(prune: String) throws {
    let (directory, _, _) = try merge { recipe in
      recipe.method.pruning = .init(rawValue: prune) ?? .dppa
      if prune != "dare" { recipe.models[0].amplification = [] }
    }
    let page = try page(directory)
    #expect(page.all("h2").map(\.text).contains("Time and memory"))
  }
}
