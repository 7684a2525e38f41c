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
    for (model, tuned) in zip(report.models, family.fineTuned) {
      let found = try #require(model.sketched)
      var (held, energy, least) = (0.0, 0.0, Double.infinity)
      for tensor in family.base.tensors
      where Reference.isLinear(name: tensor.name, rank: tensor.shape.dimensions.count) {
        let (base, own) = (
          try #require(tensor.floats), try #require(tuned.model[tensor.name]?.floats)
        )
        let columns = tensor.shape.dimensions.last ?? 1
        let rows = stride(from: 0, to: base.count, by: columns).map { first in
          (first..<first + columns).map { own[$0] - base[$0] }
        }
        let layer = Reference.own(of: rows, rank: rank, seed: 0, tensor: tensor.name)
        let trace = layer.core.indices.reduce(0) { $0 + layer.core[$1][$1] }
        held += trace
        energy += layer.energy
        least = min(least, trace / layer.energy)
      }
      #expect(abs(found.share - held / energy) < 1e-12)
      #expect(abs(found.least - least) < 1e-12 && !found.leastTensor.isEmpty)
      #expect(rank == 1 ? found.share < 0.9 : found.share > 0.9)
    }
  }

  @Test("is not said where nobody asks for directions")
  func none() throws {
    let family = FamilySpec(seed: 12, fineTunes: [.init("a", dtype: .bf16)]).build()
    let report = try TinyMerge(family).run().report
    #expect(report.models.allSatisfy { $0.sketched == nil })
  }
}
