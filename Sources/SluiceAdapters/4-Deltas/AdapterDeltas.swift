package import SluiceFormats
package import SluiceKernels
package import SluiceStages

/// What adapters add to one tensor of one model.
package struct AdapterTensor: Sendable {
  /// The tensor's name, for messages.
  package var name: String
  /// What is added, in order.
  package var terms: [DeltaTerm]
  /// The elements of the tensor that the terms are added to, for what must be known of them beforehand.
  package var ground: TensorSource
  /// Where the tensor begins in what the terms are for: that may be a stack, and this one of its layers.
  package var firstElement: Int

  /// Describes what is added.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - terms: What is added, in order.
  ///   - ground: The elements that it is added to.
  ///   - firstElement: Where the tensor begins in what the terms are for.
  package init(
    name: String, terms: [DeltaTerm], ground: TensorSource, firstElement: Int = 0
  ) {
    self.name = name
    self.terms = terms
    self.ground = ground
    self.firstElement = firstElement
  }
}

/// The deltas of all adapters of a run, computed where they are asked for.
package struct AdapterDeltas: DeltaSource {
  let tensors: [AdapterTensor]
  let files: [InputFile]
  let room: FactorRoom
  let columns: ColumnLengths

  /// Makes the source.
  ///
  /// - Parameters:
  ///   - tensors: What is added to each tensor; a position is the number of its deltas.
  ///   - files: The input files of the run, by ordinal.
  ///   - room: How much of the factors a lane holds at once.
  package init(_ tensors: [AdapterTensor], files: [InputFile], room: FactorRoom) {
    self.tensors = tensors
    self.files = files
    self.room = room
    columns = ColumnLengths()
  }

  /// The bytes that a lane holds.
  package var laneByteCount: Int { room.byteCount }

  /// Makes the part that works in one lane.
  ///
  /// - Parameter kernels: The kernels to compute with.
  /// - Returns: The part.
  package func makeLane(kernels: Kernels) -> any LaneDeltas {
    AdapterLane(self, kernels: kernels)
  }
}

/// How much of the factors a lane holds at once.
package struct FactorRoom: Sendable, Hashable {
  /// The elements that are read, widened or added at once.
  static let pieceElements = 1 << 16
  /// The least room for right factors.
  static let leastPanelElements = 1 << 16

  /// The elements of right factors, in panels.
  package let panelElements: Int
  /// The elements of the longest run of deltas that is added to another; 0 if none is.
  let sumElements: Int
  /// Whether lengths of rows are looked at.
  let hasMagnitudes: Bool

  /// The bytes that a lane holds.
  package var byteCount: Int {
    let pieces = FactorRoom.pieceElements * (8 + 4 + 4 + (hasMagnitudes ? 8 : 0))
    return panelElements * 4 + sumElements * 4 + pieces + InputFile.stridedScratchByteCount
  }
}

/// What computing the deltas of a run takes, whatever the sizes of the run are.
package struct FactorNeed: Sendable, Hashable {
  private let isNeeded: Bool
  private let panelElements: Int
  private let hasSums: Bool
  private let hasMagnitudes: Bool
  /// The bytes of what columns are multiplied by, kept for all lanes together.
  package let sharedByteCount: Int

  /// Finds out what is needed.
  ///
  /// - Parameter tensors: What is added to each tensor.
  package init(_ tensors: [AdapterTensor]) {
    let products = tensors.flatMap(\.terms).compactMap(\.product)
    isNeeded = !tensors.isEmpty
    panelElements =
      products.map { FactorProduct.panelElements(rank: $0.rank, columns: $0.columnCount) }.max()
      ?? 0
    hasSums = tensors.contains { $0.terms.count > 1 }
    hasMagnitudes = products.contains { $0.magnitude != nil }
    sharedByteCount = products.reduce(0) { sum, product in
      product.magnitude != nil && product.hasColumnMagnitudes
        ? sum + product.columnCount * 8 : sum
    }
  }

  /// Whether nothing is.
  package var isEmpty: Bool { !isNeeded }

  /// What a lane holds.
  ///
  /// - Parameters:
  ///   - chunkElements: The most elements that are asked for at once.
  ///   - limit: The most bytes that right factors may take; larger ones are read in pieces.
  /// - Returns: The room, or nil if nothing is needed.
  package func room(chunkElements: Int, limit: Int) -> FactorRoom? {
    guard isNeeded else { return nil }
    return FactorRoom(
      panelElements: min(panelElements, max(limit / 4, FactorRoom.leastPanelElements)),
      sumElements: hasSums ? chunkElements : 0, hasMagnitudes: hasMagnitudes)
  }
}
