import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRecipe
@testable import SluiceRun

/// What the directions of a family's offsets say, against the same number by number.
@Suite("Directions of offsets") struct DirectionSurveyTests {
  private static let special = "model.layers.0.self_attn.q_proj.weight"

  private static func family(_ dtype: DType = .f32) -> ModelFamily {
    var spec = FamilySpec(
      seed: 41,
      fineTunes: [
        .init("a", dtype: dtype), .init("b", dtype: dtype, drift: .heavy),
        .init("c", dtype: dtype, special: [special: .unchanged]),
      ])
    spec.baseDType = dtype
    (spec.hiddenSize, spec.intermediateSize) = (96, 200)
    return spec.build()
  }

  private static func survey(
    _ family: ModelFamily, _ directory: ScratchDirectory, _ options: RunOptions,
    cancellation: Cancellation = Cancellation()
  ) throws -> FamilyDirections {
    try DirectionSurvey(
      family.fineTuned.map {
        OffsetSurvey.Request(
          base: directory("base"), name: $0.name, model: directory("model-\($0.name)"))
      }, options: options
    ).run(cancellation: cancellation)
  }

  private static func deltas(_ family: ModelFamily, _ name: String) throws -> [Reference.Rows] {
    let base = try #require(family.base[name])
    let columns = base.shape.dimensions.last ?? 1
    return try family.fineTuned.map { tuned in
      let (own, values) = (
        try #require(tuned.model[name]?.floats), try #require(base.floats)
      )
      return stride(from: 0, to: own.count, by: columns).map { first in
        (first..<first + columns).map { own[$0] - values[$0] }
      }
    }
  }

  @Test("are those of the reference, bit by bit", arguments: [DType.f32, .bf16])
  func reference(dtype: DType) throws {
    let family = DirectionSurveyTests.family(dtype)
    let directory = try ScratchDirectory()
    try TinyMerge(family).write(to: directory)
    let found = try DirectionSurveyTests.survey(family, directory, RunOptions(threads: 2))
    #expect(found.models == ["a", "b", "c"] && found.layers.count == 14)
    for layer in found.layers {
      let deltas = try DirectionSurveyTests.deltas(family, layer.name)
      let (rows, columns) = (deltas[0].count, deltas[0][0].count)
      #expect(layer.counts == [8, 16, 32, 64].map { min($0, rows, columns) })
      let own = deltas.map {
        Reference.own(of: [$0], rank: 64, isOrthonormal: false, seed: 0, tensor: layer.name)
      }
      let bases = own.map { $0.directions.isEmpty ? [] : Reference.basis($0.directions) }
      for model in deltas.indices {
        #expect(layer.energies[model] == own[model].energies[0])
        guard !bases[model].isEmpty else { continue }
        let projected = Reference.Projected([deltas[model]], on: bases[model])
        var squares = 0.0
        for (row, values) in projected.cores[0].enumerated() {
          for column in 0...row {
            squares += (row == column ? 1 : 2) * (values[column] * values[column])
          }
        }
        #expect(layer.squares[model] == squares)
        for other in deltas.indices where !bases[other].isEmpty {
          var sums = bases[other].map { _ in 0.0 }
          for row in deltas[model] {
            for (index, product) in ScalarKernels.projected(row, bases[other]).enumerated() {
              sums[index] += product * product
            }
          }
          #expect(layer.held[model][other] == layer.counts.map { sums[..<$0].reduce(0, +) })
          // The products of two directions are the same whichever comes first.
          let cosines = layer.counts.map { count in
            let products = bases[max(model, other)].map {
              ScalarKernels.projected($0, bases[min(model, other)])
            }
            return products[..<count].reduce(0) { sum, row in
              row[..<count].reduce(sum) { $0 + $1 * $1 }
            }
          }
          #expect(layer.cosines[model][other] == cosines)
        }
      }
    }
    let special = try #require(found.layers.first { $0.name == DirectionSurveyTests.special })
    #expect(special.effectiveRank(2) == nil && special.share(0, in: 2, 0) == nil)
    #expect(special.overlap(2, 0, 1) == nil && special.overlap(1, 0, 1) != nil)
  }

  @Test("do not depend on lanes, memory and how tensors are divided, and leave no file")
  func same() throws {
    let family = DirectionSurveyTests.family(.bf16)
    let directory = try ScratchDirectory()
    try TinyMerge(family).write(to: directory)
    let first = try DirectionSurveyTests.survey(family, directory, RunOptions(threads: 1))
    var options = RunOptions(threads: 3)
    options.stripElements = Granularity.grainElements
    options.io = .mmap
    #expect(try DirectionSurveyTests.survey(family, directory, options) == first)
  }

  @Test("of one strong direction have rank 1; of equal models the same, with all in common")
  func extremes() throws {
    var family = DirectionSurveyTests.family()
    let name = DirectionSurveyTests.special
    let base = try #require(family.base[name])
    let values = try #require(base.floats)
    // A power of two, so that the sum is the delta again.
    let tuned = values.indices.map { Double(values[$0]) + ($0 % 96 == 5 ? 64 : 0) }
    for model in 0..<2 {
      family.fineTuned[model].model.tensors = family.fineTuned[model].model.tensors.map {
        $0.name == name ? TinyTensor(name, .f32, base.shape.dimensions, values: tuned) : $0
      }
    }
    let directory = try ScratchDirectory()
    try TinyMerge(family).write(to: directory)
    let found = try DirectionSurveyTests.survey(family, directory, RunOptions(threads: 1))
    let layer = try #require(found.layers.first { $0.name == name })
    let rank = try #require(layer.effectiveRank(0))
    #expect(abs(rank - 1) < 1e-3)
    #expect(try #require(layer.share(0, in: 0, 0)) > 0.999)
    #expect(try #require(layer.share(0, in: 1, 0)) > 0.999)
  }

  @Test("are refused of a store, which has no rows")
  func store() throws {
    let merge = TinyMerge(FamilySpec(seed: 12).build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let name = merge.family.fineTuned[0].name
    let store = try directory.store(of: name)
    let error = #expect(throws: PipelineError.self) {
      try DirectionSurvey(
        [OffsetSurvey.Request(base: directory("base"), name: name, model: store)],
        options: RunOptions(threads: 1))
    }
    #expect(error?.failure.message.contains("whole rows") == true)
  }

  @Test("say why a look at them ended that was cancelled")
  func cancelled() throws {
    let family = DirectionSurveyTests.family()
    let directory = try ScratchDirectory()
    try TinyMerge(family).write(to: directory)
    let cancellation = Cancellation()
    cancellation.stop(.signal(15))
    let error = #expect(throws: (any Error).self) {
      try DirectionSurveyTests.survey(
        family, directory, RunOptions(threads: 1), cancellation: cancellation)
    }
    #expect((error as? any SluiceError)?.failure.exitCode == .terminated)
  }
}
