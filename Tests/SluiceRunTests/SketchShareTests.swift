import SluiceCore
import SluiceTestSupport
import Testing

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
