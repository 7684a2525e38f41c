internal import SluiceCore

/// Reads a pickle (protocol 2 or 3) of a PyTorch checkpoint into values, and calls nothing.
///
/// A pickle is a program for a machine with a stack and a memo. This machine knows the opcodes that
/// PyTorch writes for weights, and the few names in `PickleGlobal`; anything else ends the reading.
/// What a pickle can make it keep is limited, so that a small file cannot fill the memory.
struct PickleMachine {
  /// The longest pickle that is read.
  static let maximumByteCount = 32 << 20
  /// The most values on the stack.
  static let maximumStackDepth = 1 << 16
  /// The most values that the memo, all containers and all tensors hold together.
  static let maximumKeptCount = 1 << 21

  let bytes: [UInt8]
  let file: String
  /// Where the pickle starts in the file, for messages.
  let fileOffset: Int
  /// The next byte to read.
  var position = 0
  private var opcodeStart = 0
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [UInt32: PickleValue] = [:]
  private var keptCount = 0

  /// The elements of every tuple, list and dictionary.
  private(set) var containers: [[PickleValue]] = []
  /// Every storage that was named.
  private(set) var storages: [TorchStorage] = []
  /// Every tensor that was rebuilt.
  private(set) var tensors: [TorchTensor] = []

  /// Prepares for a pickle.
  init(_ bytes: [UInt8], file: String, fileOffset: Int) {
    self.bytes = bytes
    self.file = file
    self.fileOffset = fileOffset
  }

  /// Runs the pickle to its end.
  mutating func run() throws(FormatError) -> PickleValue {
    while true {
      opcodeStart = position
      let opcode = try byte()
      if opcode == Opcode.stop { return try end() }
      try step(opcode)
      guard stack.count <= PickleMachine.maximumStackDepth,
        marks.count <= PickleMachine.maximumStackDepth
      else { throw malformed("more than \(PickleMachine.maximumStackDepth) values on the stack") }
      guard keptCount <= PickleMachine.maximumKeptCount else {
        throw malformed("more than \(PickleMachine.maximumKeptCount) values")
      }
    }
  }

  private mutating func end() throws(FormatError) -> PickleValue {
    guard position == bytes.count else { throw malformed("something behind the end of the pickle") }
    guard marks.isEmpty, stack.count == 1 else {
      throw malformed("the pickle ends with \(stack.count) values on the stack")
    }
    return try pop()
  }

  private mutating func step(_ opcode: UInt8) throws(FormatError) {
    switch opcode {
    case Opcode.proto: try checkProtocol()
    case Opcode.none: stack.append(.none)
    case Opcode.newTrue: stack.append(.bool(true))
    case Opcode.newFalse: stack.append(.bool(false))
    case Opcode.binInt: stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
    case Opcode.binInt1: stack.append(.integer(Int(try number(1))))
    case Opcode.binInt2: stack.append(.integer(Int(try number(2))))
    case Opcode.long1: stack.append(.integer(try longInteger()))
    case Opcode.binFloat: stack.append(.float(Double(bitPattern: try number(8).byteSwapped)))
    case Opcode.binUnicode: stack.append(.string(try string(Int(try number(4)))))
    case Opcode.global: stack.append(.global(try global()))
    case Opcode.emptyTuple: stack.append(.tuple(keep([])))
    case Opcode.emptyList: stack.append(.list(keep([])))
    case Opcode.emptyDictionary: stack.append(.dictionary(keep([])))
    case Opcode.mark: marks.append(stack.count)
    case Opcode.tuple: stack.append(.tuple(keep(try popToMark())))
    case Opcode.tuple1...Opcode.tuple3:
      stack.append(.tuple(keep(try pop(Int(opcode - Opcode.tuple1) + 1))))
    case Opcode.append: try append([try pop()])
    case Opcode.appends: try append(try popToMark())
    case Opcode.setItem: try set(try pop(2))
    case Opcode.setItems: try set(try popToMark())
    case Opcode.binPut: try memorise(UInt32(try number(1)))
    case Opcode.longBinPut: try memorise(UInt32(try number(4)))
    case Opcode.binGet: stack.append(try recall(UInt32(try number(1))))
    case Opcode.longBinGet: stack.append(try recall(UInt32(try number(4))))
    case Opcode.binPersistentID: stack.append(try storage(try pop()))
    case Opcode.reduce:
      let operands = try pop(2)
      stack.append(try reduce(operands[0], operands[1]))
    case Opcode.build: try build()
    default: throw refused("the opcode 0x\(String(opcode, radix: 16)) is not allowed")
    }
  }

  /// The attributes that PyTorch gives to the dictionary of a model are read and thrown away.
  private mutating func build() throws(FormatError) {
    let operands = try pop(2)
    guard case .dictionary = operands[0], case .dictionary = operands[1] else {
      throw refused("attributes of \(operands[0].kind) are not allowed")
    }
    stack.append(operands[0])
  }

  private mutating func pop() throws(FormatError) -> PickleValue {
    guard let value = stack.last, stack.count > marks.last ?? 0 else {
      throw malformed("a value is missing on the stack")
    }
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int) throws(FormatError) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw malformed("a value is missing on the stack")
    }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(FormatError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw malformed("a mark is missing on the stack") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private func top() throws(FormatError) -> PickleValue {
    guard let value = stack.last, stack.count > marks.last ?? 0 else {
      throw malformed("a value is missing on the stack")
    }
    return value
  }

  /// Stores the elements of a new container.
  mutating func keep(_ elements: [PickleValue]) -> Int {
    containers.append(elements)
    keptCount += 1 + elements.count
    return containers.count - 1
  }

  mutating func keep(_ storage: TorchStorage) -> PickleValue {
    storages.append(storage)
    keptCount += 2
    return .storage(storages.count - 1)
  }

  /// Stores a tensor; its extents and strides may be in the pickle once for many tensors.
  mutating func keep(_ tensor: TorchTensor) -> PickleValue {
    tensors.append(tensor)
    keptCount += 4 + tensor.extents.count + tensor.strides.count
    return .tensor(tensors.count - 1)
  }

  private mutating func append(_ values: [PickleValue]) throws(FormatError) {
    guard case .list(let list) = try top() else {
      throw malformed("elements for \(try top().kind)")
    }
    containers[list] += values
    keptCount += values.count
  }

  private mutating func set(_ pairs: [PickleValue]) throws(FormatError) {
    guard case .dictionary(let dictionary) = try top() else {
      throw malformed("items for \(try top().kind)")
    }
    guard pairs.count % 2 == 0 else { throw malformed("a key without a value") }
    containers[dictionary] += pairs
    keptCount += pairs.count
  }

  private mutating func memorise(_ number: UInt32) throws(FormatError) {
    if memo.updateValue(try top(), forKey: number) == nil { keptCount += 1 }
  }

  private func recall(_ number: UInt32) throws(FormatError) -> PickleValue {
    guard let value = memo[number] else {
      throw malformed("the memo holds nothing at \(number)")
    }
    return value
  }

  /// A pickle that is broken.
  func malformed(_ message: String) -> FormatError {
    .malformed("the pickle: " + message, file: file, byteRange: place)
  }

  /// A pickle that may be sound and yet is not read.
  func refused(_ message: String) -> FormatError {
    .malformed(
      "the pickle: " + message, file: file, byteRange: place, remedy: TorchAdvice.conversion)
  }

  private var place: Range<Int> { fileOffset + opcodeStart..<fileOffset + position }
}
