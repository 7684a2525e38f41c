internal import CSluiceKernels
internal import SluiceCore

/// The arithmetic on blocks of elements, for one instruction set.
///
/// A kernel reads and writes memory of its caller and keeps nothing. Raw tensor bytes may start at
/// any address; buffers of numbers are aligned as their type asks, 64 bytes being fastest. Results
/// are the same bits at every level and for every division of a tensor into blocks. Buffers of one
/// call must not overlap unless the function says that they may.
///
/// A chain of kernels is fastest on blocks that stay in the first-level cache with all their
/// buffers: 512 to 1024 elements.
@safe
public struct Kernels: @unchecked Sendable {
  // Safety: points to a constant of the C module, which lives as long as the program.
  let functions: UnsafePointer<sluice_kernel_table>

  /// The instruction set.
  package let level: VectorLevel

  /// Takes the kernels of a level.
  ///
  /// - Parameter level: The instruction set; the result is nil if this processor has not got it.
  package init?(level: VectorLevel) {
    guard let functions = unsafe sluice_kernels(level.code) else { return nil }
    unsafe self.functions = functions
    self.level = level
  }

  /// The kernels of the strongest level that this processor supports.
  package static let best: Kernels = {
    guard let kernels = Kernels(level: VectorLevel.best) else {
      preconditionFailure("the best level is supported")
    }
    return kernels
  }()

  static func code(of dtype: DType) -> sluice_dtype {
    switch dtype {
    case .f16: SLUICE_F16
    case .bf16: SLUICE_BF16
    case .f32: SLUICE_F32
    case .f64: SLUICE_F64
    default: preconditionFailure("no kernel computes with \(dtype)")
    }
  }
}
