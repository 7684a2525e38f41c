internal import SluiceCore

/// What a pickle may hold, as a value without behaviour.
///
/// Containers are positions in the machine's store, so that a pickle that nests them a million deep,
/// or puts one into itself, costs no stack when it is looked at or thrown away.
enum PickleValue: Hashable {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
  case global(PickleGlobal)
  /// Elements, in order.
  case tuple(Int)
  /// Elements, in order.
  case list(Int)
  /// Keys and values by turns, in the order in which they were set.
  case dictionary(Int)
  /// A position in the machine's list of storages.
  case storage(Int)
  /// A position in the machine's list of tensors.
  case tensor(Int)

  /// What the value is, in messages.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer: "an integer"
    case .float: "a float"
    case .string: "a string"
    case .global: "a name"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// The names that a pickle of weights may use.
///
/// None is ever looked up or called: each stands for a case in this reader.
enum PickleGlobal: Hashable {
  case rebuildTensor
  case rebuildTensorOfDType
  case rebuildParameter
  case orderedDictionary
  case storage(DType)
  case untypedStorage
  case dtype(DType)

  /// The global of a name, or nil if it is not on the list.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorOfDType
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch.storage", "UntypedStorage"): self = .untypedStorage
    case ("torch", _):
      if let dtype = PickleGlobal.storages[name] {
        self = .storage(dtype)
      } else if let dtype = PickleGlobal.dtypes[name] {
        self = .dtype(dtype)
      } else {
        return nil
      }
    default: return nil
    }
  }

  private static let storages: [String: DType] = [
    "FloatStorage": .f32, "HalfStorage": .f16, "BFloat16Storage": .bf16, "DoubleStorage": .f64,
    "CharStorage": .i8, "ByteStorage": .u8, "ShortStorage": .i16, "IntStorage": .i32,
    "LongStorage": .i64, "BoolStorage": .bool, "ComplexFloatStorage": .c64,
  ]

  private static let dtypes: [String: DType] = [
    "float32": .f32, "float16": .f16, "bfloat16": .bf16, "float64": .f64, "int8": .i8,
    "uint8": .u8, "int16": .i16, "uint16": .u16, "int32": .i32, "uint32": .u32, "int64": .i64,
    "uint64": .u64, "bool": .bool, "complex64": .c64, "float8_e4m3fn": .f8e4m3,
    "float8_e5m2": .f8e5m2, "float8_e4m3fnuz": .f8e4m3fnuz, "float8_e5m2fnuz": .f8e5m2fnuz,
    "float8_e8m0fnu": .f8e8m0,
  ]
}

/// A run of bytes that tensors are views of.
struct TorchStorage: Hashable {
  /// Its name among the archive's data.
  let key: String
  /// The type of its elements; nil for bytes.
  let dtype: DType?
  /// The number of elements, or of bytes.
  let count: Int
}

/// A view of a storage, as the pickle describes it: not checked against anything yet.
struct TorchTensor: Hashable {
  /// The position in the machine's list of storages.
  let storage: Int
  /// The type of the elements.
  let dtype: DType
  /// The first element, counted from the start of the storage.
  let offset: Int
  /// The extents, outermost first.
  let extents: [Int]
  /// The distance between neighbours in each dimension, in elements.
  let strides: [Int]
}
