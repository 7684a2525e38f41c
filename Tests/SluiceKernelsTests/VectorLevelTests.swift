import SluiceKernels
import Testing

/// The kernels of every level that this machine can run.
let allKernels = VectorLevel.allCases.compactMap(Kernels.init(level:))

@Suite("Vector levels") struct VectorLevelTests {
  @Test("Every machine runs the baseline")
  func baseline() throws {
    #expect(VectorLevel.baseline.isSupported)
    #expect(try #require(Kernels(level: .baseline)).level == .baseline)
  }

  @Test("The best level is the last one that is supported")
  func best() {
    let supported = VectorLevel.allCases.filter(\.isSupported)
    #expect(supported.last == VectorLevel.best)
    #expect(supported == supported.sorted())
    #expect(Kernels.best.level == VectorLevel.best)
  }

  @Test("A level has kernels if and only if it is supported", arguments: VectorLevel.allCases)
  func support(level: VectorLevel) {
    #expect((Kernels(level: level) != nil) == level.isSupported)
  }

  @Test("Levels have the names that options use")
  func names() {
    #expect(VectorLevel.allCases.map(\.name) == ["baseline", "avx2", "avx512", "avx512-vbmi2"])
  }
}
