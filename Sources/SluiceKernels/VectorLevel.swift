internal import CSluiceKernels

/// An instruction set that the kernels are built for, weakest first.
///
/// All levels compute the same bits; they differ in speed only.
package enum VectorLevel: Int, CaseIterable, Comparable, Sendable {
  /// Plain C, on any processor.
  case baseline
  /// x86-64-v3: AVX2, BMI2, F16C.
  case avx2
  /// x86-64-v4: AVX-512 with F, BW, CD, DQ and VL.
  case avx512
  /// The same with VBMI2, which moves bytes together and apart.
  case avx512VBMI2

  /// The name in options and reports.
  package var name: String {
    switch self {
    case .baseline: "baseline"
    case .avx2: "avx2"
    case .avx512: "avx512"
    case .avx512VBMI2: "avx512-vbmi2"
    }
  }

  /// Whether this processor has the instructions.
  package var isSupported: Bool { unsafe sluice_kernels(code) != nil }

  /// The strongest level that this processor supports.
  package static var best: VectorLevel { allCases.last(where: \.isSupported) ?? .baseline }

  /// Orders levels from the weakest to the strongest.
  ///
  /// - Parameters:
  ///   - lhs: A level.
  ///   - rhs: Another level.
  /// - Returns: Whether the first is weaker.
  package static func < (lhs: VectorLevel, rhs: VectorLevel) -> Bool { lhs.rawValue < rhs.rawValue }

  var code: sluice_vector_level {
    switch self {
    case .baseline: SLUICE_BASELINE
    case .avx2: SLUICE_AVX2
    case .avx512: SLUICE_AVX512
    case .avx512VBMI2: SLUICE_AVX512_VBMI2
    }
  }
}
