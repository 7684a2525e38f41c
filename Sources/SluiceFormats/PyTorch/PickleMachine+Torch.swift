internal import SluiceCore

/// What PyTorch's names stand for: storages, and tensors as views of them.
extension PickleMachine {
  /// A persistent identity: `("storage", kind, key, device, count)`.
  mutating func storage(_ identity: PickleValue) throws(FormatError) -> PickleValue {
    guard case .tuple(let position) = identity else {
      throw malformed("\(identity.kind) as the identity of a storage")
    }
    let parts = containers[position]
    guard parts.count == 5, parts[0] == .string("storage"), case .string(let key) = parts[2],
      case .string = parts[3], case .integer(let count) = parts[4], count >= 0
    else { throw malformed("the identity of a storage has parts that it should not have") }
    switch parts[1] {
    case .global(.storage(let dtype)):
      storages.append(TorchStorage(key: key, dtype: dtype, count: count))
    case .global(.untypedStorage):
      storages.append(TorchStorage(key: key, dtype: nil, count: count))
    default: throw malformed("\(parts[1].kind) as the kind of a storage")
    }
    return .storage(storages.count - 1)
  }

  /// A call: only the few that stand for values are known.
  mutating func reduce(
    _ function: PickleValue, _ arguments: PickleValue
  ) throws(FormatError) -> PickleValue {
    guard case .tuple(let position) = arguments else {
      throw malformed("\(arguments.kind) as arguments")
    }
    let arguments = containers[position]
    switch function {
    case .global(.orderedDictionary):
      guard arguments.isEmpty else { throw malformed("an OrderedDict made from something") }
      return .dictionary(keep([]))
    case .global(.rebuildParameter):
      guard arguments.count == 3, case .tensor = arguments[0] else {
        throw malformed("a parameter with wrong arguments")
      }
      return arguments[0]
    case .global(.rebuildTensor):
      return try tensor(arguments, dtype: nil, metadataPosition: 6)
    case .global(.rebuildTensorOfDType):
      guard arguments.count > 6, case .global(.dtype(let dtype)) = arguments[6] else {
        throw malformed("a tensor without a dtype")
      }
      return try tensor(arguments, dtype: dtype, metadataPosition: 7)
    default: throw refused("a call of \(function.kind) is not allowed")
    }
  }

  /// A tensor from `(storage, offset, extents, strides, requires_grad, hooks, ...)`.
  private mutating func tensor(
    _ arguments: [PickleValue], dtype: DType?, metadataPosition: Int
  ) throws(FormatError) -> PickleValue {
    guard arguments.count == metadataPosition || arguments.count == metadataPosition + 1,
      case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
      case .tuple(let extents) = arguments[2], case .tuple(let strides) = arguments[3],
      case .bool = arguments[4], case .dictionary(let hooks) = arguments[5]
    else { throw malformed("a tensor with wrong arguments") }
    guard containers[hooks].isEmpty else { throw refused("a tensor with hooks") }
    guard arguments.count == metadataPosition || hasNothing(arguments[metadataPosition]) else {
      throw refused("a tensor that is conjugated, negated or otherwise not plain")
    }
    guard let dtype = dtype ?? storages[storage].dtype else {
      throw malformed("a tensor without a dtype")
    }
    tensors.append(
      TorchTensor(
        storage: storage, dtype: dtype, offset: offset, extents: try integers(extents),
        strides: try integers(strides)))
    return .tensor(tensors.count - 1)
  }

  private func hasNothing(_ metadata: PickleValue) -> Bool {
    switch metadata {
    case .none: true
    case .dictionary(let position): containers[position].isEmpty
    default: false
    }
  }

  private func integers(_ tuple: Int) throws(FormatError) -> [Int] {
    var integers: [Int] = []
    for element in containers[tuple] {
      guard case .integer(let integer) = element else {
        throw malformed("\(element.kind) among the extents or strides of a tensor")
      }
      integers.append(integer)
    }
    return integers
  }
}
