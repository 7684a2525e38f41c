internal import SluiceKernels
internal import SluiceSolvers
internal import SluiceStages

extension Directions {
  /// An orthonormal basis of the directions, in their order: the first r of them span what the first r directions do.
  ///
  /// - Parameter kernels: The kernels to compute with.
  /// - Returns: The basis, in panels of right factors.
  func basis(_ kernels: Kernels) -> [Float] {
    var found = panels
    unsafe basisRows(kernels).withUnsafeBufferPointer { rows in
      unsafe found.withUnsafeMutableBufferPointer { found in
        guard let rows = rows.baseAddress, let found = found.baseAddress else { return }
        for index in 0..<width {
          // SAFETY: the panels are those of as many rows of that length.
          unsafe Kernels.place(
            rows + index * columnCount, columns: 0..<columnCount, position: index, rank: width,
            into: found)
        }
      }
    }
    return found
  }

  /// The same, one direction after the other.
  func basisRows(_ kernels: Kernels) -> [Float] {
    let (width, count) = (width, columnCount)
    var rows = [Double](repeating: 0, count: width * count)
    for index in 0..<width {
      for column in 0..<count {
        let place = FactorProduct.panelIndex(row: index, column: column, rank: width)
        rows[index * count + column] = Double(panels[place])
      }
    }
    unsafe rows.withUnsafeMutableBufferPointer {
      guard let rows = $0.baseAddress else { return }
      // SAFETY: there are as many rows of that length.
      unsafe ThinBasis.orthonormalise(rows, count: width, length: count, kernels: kernels)
    }
    return rows.map { Float($0) }
  }

  /// The first of the directions.
  ///
  /// - Parameter count: How many.
  /// - Returns: These.
  func first(_ count: Int) -> Directions {
    guard count < width else { return self }
    let length = FactorProduct.panelColumns
    var kept: [Float] = []
    kept.reserveCapacity(panels.count / max(width, 1) * count)
    for panel in stride(from: 0, to: panels.count, by: width * length) {
      kept += panels[panel..<panel + count * length]
    }
    return Directions(
      width: count, columnCount: columnCount, panels: kept, energies: energies)
  }
}
