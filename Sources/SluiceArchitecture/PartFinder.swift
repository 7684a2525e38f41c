internal import SluiceCore

/// Finds the parts of many tensors of a model: what stands at one place in all of its blocks is looked at once, as there
/// may be ten thousands of tensors.
package struct PartFinder: Sendable {
  /// All that decides about a tensor of a block, where its neighbours do not.
  private struct Place: Hashable {
    let before: Substring
    let behind: Substring
    let shape: TensorShape
    let dtype: DType
  }

  private let architecture: Architecture
  private var known: [Place: TensorPart] = [:]
  /// The linear layer that was found last: its reason names its block.
  private var last: (block: Substring, part: TensorPart)?

  /// Makes a finder that has found nothing yet.
  package init(_ architecture: Architecture) {
    self.architecture = architecture
  }

  /// The part of a tensor, with its reason: what the architecture says.
  package mutating func part(of tensor: TensorDescription) -> TensorPart {
    guard architecture.isAlikeInBlocks, tensor.shape.rank < 3,
      let cut = BlockName.cut(tensor.name)
    else { return architecture.part(of: tensor) }
    let place = Place(
      before: cut.before, behind: cut.behind, shape: tensor.shape, dtype: tensor.dtype)
    guard let known = known[place] else {
      let part = architecture.part(of: tensor)
      known[place] = part
      return part
    }
    guard known.kind == .linear else { return known }
    let block = tensor.name[..<cut.behind.startIndex]
    if let last, last.part.orientation == known.orientation, last.block == block {
      return last.part
    }
    let part = Architecture.linear(inBlock: String(block), known.orientation)
    last = (block, part)
    return part
  }
}
