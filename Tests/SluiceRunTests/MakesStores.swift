import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// Tests that make stores of the models of a family.
protocol MakesStores {}

extension MakesStores {
  func request(
    _ directory: ScratchDirectory, _ name: String, _ rate: Double, deviation: Double = 0.08,
    codec: FrameCodec = .zstd(), recipe: MergeRecipe? = nil
  ) throws -> PruneRun.Request {
    var request = PruneRun.Request(
      base: directory("base"), model: directory("model-" + name),
      pruningRate: try #require(PruningRate(rate)))
    request.maxRateDeviation = deviation
    request.codec = codec
    if let recipe { request.linearSet = recipe.linearSet }
    return request
  }

  func store(
    _ request: PruneRun.Request, to path: String, _ run: RunOptions = RunOptions(threads: 2)
  ) throws {
    _ = try PruneRun(request, options: run, output: path).run()
  }
}
