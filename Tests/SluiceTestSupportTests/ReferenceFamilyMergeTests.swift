import SluiceCore
import SluiceTestSupport
import Testing

@Suite("The reference merge of random families") struct ReferenceFamilyMergeTests {
  @Test("Every random family merges, and its rows agree with each other", arguments: 0..<2)
  func merges(seed: Int) throws {
    let family = FamilySpec.random(seed: UInt64(seed)).build()
    let result = try referenceMerge(base: family.base, fineTuned: family.fineTuned)
    let hasHead = ([family.base] + family.fineTuned.map(\.model)).contains {
      $0[TinyModel.headName] != nil
    }
    #expect((result[TinyModel.headName] != nil) == hasHead)
    for tensor in family.base.tensors {
      #expect(result[tensor.name]?.dtype == tensor.dtype)
      #expect(result[tensor.name]?.shape == tensor.shape)
    }
    for model in result.models {
      var weighted = 0.0
      var elements = 0
      for row in model.rows {
        var total = 0
        for (rate, kept) in zip(row.rates, row.kept) {
          total += kept
          let quota = row.statistics.elements - Int(rate * Double(row.statistics.elements))
          #expect(total == min(quota, row.statistics.elements - row.statistics.zeros))
        }
        weighted += row.rates[1] * Double(row.statistics.elements)
        elements += row.statistics.elements
      }
      #expect(abs(weighted / Double(elements) - 0.8) < 1e-12)
    }
  }

  @Test("One model without pruning gives back the fine-tune", arguments: [DType.bf16, .f16])
  func identity(dtype: DType) throws {
    for drift in FamilySpec.Drift.allCases {
      var spec = FamilySpec(
        seed: 21, fineTunes: [FamilySpec.FineTune("a", dtype: dtype, drift: drift)])
      spec.baseDType = dtype
      let family = spec.build()
      var options = ReferenceOptions()
      options.pruningRate = 0
      options.rates = .uniform
      let result = try referenceMerge(
        base: family.base, fineTuned: family.fineTuned, options: options)
      // Equal as numbers: a negative zero comes back as zero.
      #expect(
        result.tensors.map(\.floats) == family.fineTuned[0].model.sorted.tensors.map(\.floats))
    }
  }

  @Test("The order of tensors in the models changes nothing")
  func tensorOrder() throws {
    var family = FamilySpec.random(seed: 30).build()
    let first = try referenceMerge(base: family.base, fineTuned: family.fineTuned)
    var generator = RepeatableGenerator(seed: 1)
    generator.shuffle(&family.base.tensors)
    for index in family.fineTuned.indices {
      generator.shuffle(&family.fineTuned[index].model.tensors)
    }
    let second = try referenceMerge(base: family.base, fineTuned: family.fineTuned)
    #expect(first.tensors == second.tensors && first.models == second.models)
  }

  @Test("Every choice among options changes the bytes of some merge")
  func optionsMatter() throws {
    var spec = FamilySpec(seed: 40)
    spec.layerCount = 1
    spec.fineTunes.append(FamilySpec.FineTune("law", drift: .heavy))
    let family = spec.build()
    var plain = ReferenceOptions()
    plain.amplify = ["math": [1.1, 1.3]]
    let changes: [(inout ReferenceOptions) -> Void] = [
      { _ in }, { $0.tieBreak = .index }, { $0.tieBreak = .drop }, { $0.tieBreak = .keep },
      { $0.combine = .max }, { $0.nonlinear = .average }, { $0.nonlinear = .base },
      { $0.rates = .uniform }, { $0.pruningRate = 0.7 }, { $0.partitionWidth = 0.05 },
      { $0.amplify = [:] }, { $0.significanceMultiple = 3 }, { $0.maxRateDeviation = 0.04 },
      { $0.weight = ["law": 0.5] }, { $0.mergeScale = 0.7 }, { $0.outputDType = .f32 },
      { $0.includesHead = true }, { $0.include = ["*embed*"] }, { $0.exclude = ["*down_proj*"] },
    ]
    var outputs: [[TinyTensor]] = []
    for change in changes {
      var options = plain
      change(&options)
      let result = try referenceMerge(
        base: family.base, fineTuned: family.fineTuned, options: options)
      #expect(!outputs.contains(result.tensors), "change \(outputs.count)")
      outputs.append(result.tensors)
    }
  }
}
