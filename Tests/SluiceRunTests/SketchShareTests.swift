import SluiceCore
import SluiceMethods
import SluiceRecipe
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun

/// A report says how much of a model's deltas the directions hold that stand for them.
@Suite("What directions hold of deltas") struct SketchShareTests {
  @Test("is what the reference finds; nearly all with as many as inputs", arguments: [1, 64])
  func shares(rank: Int) throws {
    var spec = FamilySpec(seed: 12, fineTunes: [.init("a", dtype: .f32), .init("b", dtype: .f32)])
    spec.baseDType = .f32
    let family = spec.build()
    var options = ReferenceOptions()
    options.prune = .none
    options.merge = .ownRegMean
    options.ownRank = rank
    let report = try TinyMerge(family, options: options).run().report
    #expect(report.models.count == 2)
    var found = family.fineTuned.map { _ in (held: 0.0, energy: 0.0, least: Double.infinity) }
    for tensor in family.base.tensors
    where Reference.isLinear(name: tensor.name, rank: tensor.shape.dimensions.count) {
      let base = try #require(tensor.floats)
      let columns = tensor.shape.dimensions.last ?? 1
      let deltas = try family.fineTuned.map { tuned in
        let own = try #require(tuned.model[tensor.name]?.floats)
        return stride(from: 0, to: base.count, by: columns).map { first in
          (first..<first + columns).map { own[$0] - base[$0] }
        }
      }
      let own = Reference.own(
        of: deltas, rank: rank, isOrthonormal: true, seed: 0, tensor: tensor.name)
      let projected = Reference.Projected(deltas, on: own.directions)
      for model in deltas.indices {
        let trace = own.directions.indices.reduce(0) { $0 + projected.cores[model][$1][$1] }
        found[model].held += trace
        found[model].energy += own.energies[model]
        found[model].least = min(found[model].least, trace / own.energies[model])
      }
    }
    for (model, expected) in zip(report.models, found) {
      let share = try #require(model.sketched)
      #expect(abs(share.share - expected.held / expected.energy) < 1e-12)
      #expect(abs(share.least - expected.least) < 1e-12 && !share.leastTensor.isEmpty)
      #expect(rank == 1 ? share.share < 0.9 : share.share > 0.9999)
    }
  }

  @Test("is not said where nobody asks for directions")
  func none() throws {
    let family = FamilySpec(seed: 12, fineTunes: [.init("a", dtype: .bf16)]).build()
    let report = try TinyMerge(family).run().report
    #expect(report.models.allSatisfy { $0.sketched == nil })
  }
}

/// A share of squares may be asked for in the place of a number of directions.
@Suite("Directions that hold a share") struct HeldShareTests {
  private static func family(hidden: Int) -> ModelFamily {
    var spec = FamilySpec(seed: 21, fineTunes: [.init("a", dtype: .f32), .init("b", dtype: .f32)])
    spec.baseDType = .f32
    (spec.hiddenSize, spec.intermediateSize, spec.layerCount) = (hidden, hidden + 8, 1)
    return spec.build()
  }

  private static func options(percent: Double, blends: Bool) -> ReferenceOptions {
    var options = ReferenceOptions()
    (options.prune, options.merge) = blends ? (.none, .ownRegMean) : (.dare, .sum)
    (options.ownRank, options.ownPercent) = (128, percent)
    return options
  }

  @Test(
    "are the fewest of each layer that do; the report says how many",
    arguments: [false, true], [30.0, 75, 99.5])
  func fewest(blends: Bool, percent: Double) throws {
    let family = HeldShareTests.family(hidden: 32)
    let options = HeldShareTests.options(percent: percent, blends: blends)
    let report = try TinyMerge(family, options: options).run().report
    var counts: [[Int]] = [[], []]
    for tensor in family.base.tensors
    where Reference.isLinear(name: tensor.name, rank: tensor.shape.dimensions.count) {
      let base = try #require(tensor.floats)
      let columns = tensor.shape.dimensions.last ?? 1
      let deltas = try family.fineTuned.map { tuned in
        let own = try #require(tuned.model[tensor.name]?.floats)
        return stride(from: 0, to: base.count, by: columns).map { first in
          (first..<first + columns).map { own[$0] - base[$0] }
        }
      }
      for models in blends ? [[0, 1]] : [[0], [1]] {
        let some = models.map { deltas[$0] }
        let all = Reference.own(
          of: some, rank: 128, isOrthonormal: blends, seed: 0, tensor: tensor.name)
        let count = all.first(holding: percent / 100, of: some).directions.count
        let held = some.map { all.held(of: $0) }
        func reach(_ count: Int) -> Bool {
          zip(held, all.energies).allSatisfy { $0[count - 1] >= percent / 100 * $1 }
        }
        #expect(reach(count) && (count == 1 || !reach(count - 1)))
        for model in models { counts[model].append(count) }
      }
    }
    for (model, expected) in zip(report.models, counts) {
      let share = try #require(model.sketched)
      #expect(share.least >= percent / 100 && share.shortCount == 0)
      #expect(share.directionCounts == (expected.min() ?? 0)...(expected.max() ?? 0))
    }
    if percent == 30 { #expect(counts.allSatisfy { ($0.max() ?? 0) < 32 }) }
  }

  @Test("are as many as are looked for, where these hold less; the report counts such layers")
  func short() throws {
    let family = HeldShareTests.family(hidden: 200)
    let options = HeldShareTests.options(percent: 99.9, blends: false)
    let report = try TinyMerge(family, options: options).run().report
    let share = try #require(report.models.first?.sketched)
    #expect(share.directionCounts.upperBound == 128 && share.least < 0.999)
    #expect(try #require(share.shortCount) > 0)
  }

  @Test("take no memory for directions that no layer can have")
  func memory() throws {
    let merge = TinyMerge(
      HeldShareTests.family(hidden: 32), options: HeldShareTests.options(percent: 75, blends: true))
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    var recipe = try merge.recipe(in: directory)
    let needs = try [SketchRank.percent(75), .count(40), .count(1024), .count(1)].map { rank in
      recipe.method.sketchRank = rank
      let plan = try MergePlan(recipe, options: RunOptions(threads: 1))
      return PlanExplanation(plan, output: directory("out"), measuresSpeed: false).memory
        .map(\.totalByteCount).reduce(0, +)
    }
    // A pass more takes some, directions beyond the inputs none.
    #expect(needs[1] == needs[2] && needs[3] < needs[1] && needs[0] < 2 * needs[1])
  }

  @Test("are those of a merge with as many, if that is asked for")
  func number() throws {
    // The rows are their own sums here, whatever is asked for.
    let family = HeldShareTests.family(hidden: 32)
    var options = HeldShareTests.options(percent: 1, blends: true)
    let shared = try TinyMerge(family, options: options).run()
    let found = try #require(shared.report.models.first?.sketched)
    #expect(found.directionCounts == 1...1)
    options.ownPercent = nil
    options.merge = .sum
    (options.prune, options.ownRank) = (.dare, 1)
    let one = try TinyMerge(family, options: options).run().model
    options.ownPercent = 1
    let same = try TinyMerge(family, options: options).run().model
    for tensor in one.tensors { try #require(same[tensor.name]).expectSameBytes(as: tensor) }
  }
}
