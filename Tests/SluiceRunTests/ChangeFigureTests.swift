import SluiceCore
import SluiceKernels
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Figures of changes") struct ChangeFigureTests {
  /// The comparison of two runs as a tensor's tiles have it, one tile after the other.
  private func compared(_ first: [Float], _ second: [Float]) -> Comparison {
    stride(from: 0, to: first.count, by: Granularity.tileElements).reduce(into: Comparison()) {
      let tile = $1..<min($1 + Granularity.tileElements, first.count)
      $0 += ScalarKernels.compared(Array(first[tile]), Array(second[tile]))
    }
  }

  private func sums(_ report: MergeReport, _ name: String) throws -> ChangeFigures.Sums {
    let task = try #require(report.plan.tasks.first { $0.name == name })
    let strips = report.plan.tensors.granularity.stripCount(of: task.elementCount)
    return try #require(report.figures?.sums(of: task, stripCount: strips))
  }

  @Test("of a sum of everything they equal the scalar reference") func whole() throws {
    let merge = TinyMerge(FamilySpec(seed: 5).build())
    let report = try merge.run { recipe in
      recipe.method.pruning = .init(rawValue: "none")!
      recipe.method.merging = .init(rawValue: "sum")!
    }.report
    var seen = 0
    for task in report.plan.tasks where [.linear, .dense].contains(task.role) {
      let found = try sums(report, task.name)
      let base = try #require(merge.family.base[task.name]?.floats)
      let deltas = try merge.family.fineTuned.map { tuned in
        zip(try #require(tuned.model[task.name]?.floats), base).map { $0 - $1 }
      }
      let sum = base.indices.map { ScalarKernels.sum(deltas, at: $0) }
      #expect(found.count == base.count && found.base == compared(base, base))
      #expect(found.merged == compared(sum, sum))
      for high in deltas.indices {
        #expect(found.shares[high] == compared(sum, deltas[high]))
        let classes = DeltaSizes.classCount
        let sizes = ScalarKernels.sizes(
          deltas[high], first: DeltaSizes.firstExponent, classCount: classes)
        #expect(found.sizes[(high * classes)..<((high + 1) * classes)].map(Int.init) == sizes)
        for low in 0...high {
          let pair = compared(deltas[low], deltas[high])
          #expect(found.changes[ChangeFigures.Sums.index(low, high)] == pair)
          #expect(found.kept[ChangeFigures.Sums.index(high, low)] == pair)
        }
      }
      seen += 1
    }
    #expect(seen > 10)
  }

  @Test("they count what pruning keeps") func pruned() throws {
    let report = try TinyMerge(FamilySpec(seed: 6).build()).run().report
    for (index, model) in report.models.enumerated() {
      for layer in model.layers {
        let found = try sums(report, layer.statistics.name)
        let own = ChangeFigures.Sums.index(index, index)
        #expect(found.kept[own].both == layer.cuts.kept)
        #expect(
          found.changes[own].both == layer.statistics.elementCount - layer.statistics.zeroCount)
      }
    }
  }

  @Test("lanes and chunks do not change them, and tensors are sampled") func sampled() throws {
    var spec = FamilySpec(seed: 8)
    (spec.hiddenSize, spec.headCount, spec.headSize) = (128, 2, 64)
    (spec.intermediateSize, spec.vocabularySize, spec.layerCount) = (2200, 100, 1)
    let merge = TinyMerge(spec.build())
    var reports: [MergeReport] = []
    for (threads, chunk) in [(1, 8), (3, 1)] {
      var run = RunOptions(threads: threads)
      run.stripElements = 2 * Granularity.grainElements
      run.chunkElements = chunk * Granularity.grainElements
      reports.append(try merge.run(run: run).report)
    }
    var sampled = 0
    for task in reports[0].plan.tasks where [.linear, .dense].contains(task.role) {
      let (first, second) = (try sums(reports[0], task.name), try sums(reports[1], task.name))
      #expect(first == second, "\(task.name)")
      if first.count < task.elementCount {
        sampled += 1
        #expect(first.count > task.elementCount / 20)
      } else {
        #expect(task.elementCount < 4 * Granularity.tileElements)
      }
    }
    // All but the norms.
    #expect(sampled == 9)
  }

  @Test("other layers of the merge do not change them") func longTiles() throws {
    var spec = FamilySpec(seed: 8)
    (spec.hiddenSize, spec.headCount, spec.headSize) = (128, 2, 64)
    (spec.intermediateSize, spec.vocabularySize, spec.layerCount) = (64, 2200, 1)
    let merge = TinyMerge(spec.build())
    // Stages that look at whole rows make tiles 64 times as long, for all tensors.
    var reports: [MergeReport] = []
    for compensation in [Compensation.none, .own] {
      reports.append(
        try merge.run(run: RunOptions(threads: 1)) { $0.method.compensation = compensation }.report)
    }
    var sampled = 0
    for task in reports[0].plan.tasks where task.role == .dense {
      let (first, second) = (try sums(reports[0], task.name), try sums(reports[1], task.name))
      #expect(first == second, "\(task.name)")
      if first.count < task.elementCount { sampled += 1 }
    }
    #expect(sampled == 2)
  }

  @Test("nothing is said where frames stand in the place of weights") func frames() throws {
    var run = RunOptions(threads: 1)
    run.spill = .on(.none)
    let report = try TinyMerge(FamilySpec(seed: 9).build()).run(run: run).report
    for task in report.plan.tasks {
      let sums = report.figures?.sums(
        of: task, stripCount: report.plan.tensors.granularity.stripCount(of: task.elementCount))
      #expect((sums != nil) == (task.role == .dense), "\(task.name)")
    }
  }
}
