/// PyTorch files whose pickle breaks one rule, with what the error must say.
package enum HostilePickle: String, CaseIterable, Sendable {
  case empty, noStop, behindStop, onlyStop, twoValues, openMark, protocolInside
  case system, eval, submodule, nearlyAllowed, longName, nameCut, nameNotUTF8
  case inst, obj, newObj, extension1, stackGlobal, frame, persistentText, pop, dup
  case emptyStack, popBelowMark, noMark, memoMissing, listBomb, memoHighest
  case stackBomb, markBomb, tensorBomb, rankBomb, nestedTuples, laughs, ownMember
  case stringCut, stringHuge, stringNotUTF8, longNumber
  case itemsOfTuple, elementsOfDictionary, oddItems, attributesOfTuple, attributesFromTuple
  case nameNotString, valueNotTensor, nameTwice, storageAsTensor
  case callOfString, callOfDType, callWithoutTuple, orderedFromList, parameterOfNothing
  case identityNotTuple, identityTooShort, identityOtherWord, identityOtherKind, countNegative
  case tensorTooShort, tensorTooLong, tensorOfTuple, extentsNotNumbers, hooks, metadata, noDType
  case extentNegative, strideNegative, offsetNegative, ranksDiffer, extentsOverflow, bytesOverflow
  case beyondStorage, strideBeyondStorage, strideOverflow, offsetOverflow, otherWidth, countOverflow

  /// The file.
  package var bytes: [UInt8] { PickleBytes.file(crafted.pickle) }
  /// What the message must contain.
  package var expectedMessage: String { crafted.message }

  private var crafted: (pickle: [UInt8], message: String) {
    framing ?? names ?? limits ?? shapes ?? tensors
  }

  private typealias P = PickleBytes

  private static func opcodes(_ text: String) -> [UInt8] { P.whole(Array(text.utf8)) }

  private var framing: ([UInt8], String)? {
    switch self {
    case .empty: ([], "the pickle: it ends too early")
    case .noStop: (Array(Self.opcodes("}").dropLast()), "the pickle: it ends too early")
    case .behindStop: (Self.opcodes("}.N"), "something behind the end of the pickle")
    case .onlyStop: (Self.opcodes(""), "the pickle ends with 0 values on the stack")
    case .twoValues: (Self.opcodes("}}"), "the pickle ends with 2 values on the stack")
    case .openMark: (Self.opcodes("}("), "the pickle ends with 1 values on the stack")
    case .protocolInside: (P.whole([0x7d, 0x80, 2]), "a protocol in its middle")
    case .emptyStack: (Self.opcodes("s"), "a value is missing on the stack")
    case .popBelowMark: (Self.opcodes("NN(\u{85}".filter(\.isASCII) + "Q"), "a value is missing")
    case .noMark: (Self.opcodes("}u"), "a mark is missing on the stack")
    case .memoMissing: (Self.opcodes("h\u{1}"), "the memo holds nothing at 1")
    case .stringCut: (P.whole(Array(P.text("abc").dropLast())), "it ends too early")
    case .stringHuge: (P.whole(Array("X".utf8) + [255, 255, 255, 255]), "it ends too early")
    case .stringNotUTF8: (P.whole([0x58, 2, 0, 0, 0, 0xc0, 0x80]), "a string that is not UTF-8")
    case .longNumber:
      (P.whole([0x8a, 9] + [UInt8](repeating: 1, count: 9)), "a number of 9 bytes")
    default: nil
    }
  }

  /// What a pickle could call if anything were ever called.
  private var names: ([UInt8], String)? {
    func call(_ module: String, _ name: String) -> [UInt8] {
      P.whole(P.global(module, name) + P.text("touch /tmp/owned") + [0x85] + Array("R".utf8))
    }
    func refused(_ opcode: UInt8) -> ([UInt8], String) {
      (P.whole([opcode]), "the opcode 0x\(String(opcode, radix: 16)) is not allowed")
    }
    switch self {
    case .system: return (call("os", "system"), "it names os.system; nothing but tensors is read")
    case .eval: return (call("builtins", "eval"), "it names builtins.eval; nothing but tensors")
    case .submodule: return (call("torch.hub", "load"), "it names torch.hub.load")
    case .nearlyAllowed: return (call("torch", "load"), "torch.load: not a type that is read")
    case .longName:
      return (call(String(repeating: "a", count: 300), "b"), "a name without an end")
    case .nameCut: return (P.whole(Array("cos".utf8)), "a name without an end")
    case .nameNotUTF8: return (P.whole([0x63, 0xff, 10, 0x61, 10]), "a string that is not UTF-8")
    case .inst: return refused(UInt8(ascii: "i"))
    case .obj: return refused(UInt8(ascii: "o"))
    case .newObj: return refused(0x81)
    case .extension1: return refused(0x82)
    case .stackGlobal: return refused(0x93)
    case .frame: return refused(0x95)
    case .persistentText: return refused(UInt8(ascii: "P"))
    case .pop: return refused(UInt8(ascii: "0"))
    case .dup: return refused(UInt8(ascii: "2"))
    default: return nil
    }
  }

  private var limits: ([UInt8], String)? {
    switch self {
    case .listBomb:
      (
        P.whole(
          Array("]".utf8), Self.repeated("(" + String(repeating: "N", count: 60000) + "e", 36)),
        "more than 2097152 values"
      )
    case .memoHighest:
      (
        P.whole(Array("}r".utf8), [255, 255, 255, 255], Array("j".utf8), [255, 255, 255, 254]),
        "the memo holds nothing at 4278190079"
      )
    case .stackBomb:
      (P.whole(Self.repeated("N", 70000)), "more than 65536 values on the stack")
    case .markBomb:
      (P.whole(Self.repeated("(", 70000)), "more than 65536 values on the stack")
    case .tensorBomb:
      // One set of arguments, from which tensor after tensor is made with four bytes each.
      (
        P.whole(
          P.tensor(), Array("q\0".utf8), P.global("torch._utils", "_rebuild_tensor_v2"),
          Array("q\u{1}".utf8),
          P.tuple([
            P.storage(), P.integer(0), P.integers(Array(repeating: 1, count: 64)),
            P.integers(Array(repeating: 1, count: 64)), [0x89], P.emptyHooks,
          ]), Array("q\u{2}".utf8), Self.repeated("h\u{1}h\u{2}R", 16000)),
        "more than 2097152 values"
      )
    case .rankBomb:
      (
        P.dictionary([("a", P.tensor(P.storage(), Array(repeating: 1, count: 65), [1]))]),
        "a tensor of more than 64 dimensions"
      )
    case .nestedTuples:
      // Many tuples, each in the next; must be thrown away without recursion.
      (
        P.whole(Array("N".utf8), [UInt8](repeating: 0x85, count: 300_000)),
        "expected a dictionary of tensors, found a tuple"
      )
    case .laughs:
      // Thirty levels of pairs of the level below: 2^30 leaves if anyone walked them.
      (
        P.whole(Array("}q\0".utf8), Self.repeated([UInt8]("q\0h\0".utf8) + [0x86], 30)),
        "expected a dictionary of tensors, found a tuple"
      )
    case .ownMember:
      (
        P.whole(Array("}q\0".utf8), P.text("a"), Array("h\0s".utf8)),
        "expected a tensor, found a dictionary"
      )
    default: nil
    }
  }

  private static func repeated(_ text: String, _ count: Int) -> [UInt8] {
    repeated(Array(text.utf8), count)
  }

  private static func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    [UInt8](Array(repeating: bytes, count: count).joined())
  }

  private var shapes: ([UInt8], String)? {
    func value(_ opcodes: String) -> [UInt8] { P.dictionary([("a", Array(opcodes.utf8))]) }
    return switch self {
    case .itemsOfTuple: (Self.opcodes(")NNs"), "items for a tuple")
    case .elementsOfDictionary: (Self.opcodes("}Na"), "elements for a dictionary")
    case .oddItems: (Self.opcodes("}(NNNu"), "a key without a value")
    case .attributesOfTuple: (Self.opcodes(")}b"), "attributes of a tuple are not allowed")
    case .attributesFromTuple: (Self.opcodes("})b"), "attributes of a dictionary are not allowed")
    case .nameNotString:
      (
        P.whole(Array("}(".utf8) + [0x4b, 1] + P.tensor() + Array("u".utf8)),
        "expected the name of a tensor, found an integer"
      )
    case .valueNotTensor: (value("G12345678"), "expected a tensor, found a float")
    case .nameTwice: (P.dictionary([("a", P.tensor()), ("a", P.tensor())]), "name occurs twice")
    case .storageAsTensor:
      (P.dictionary([("a", P.storage())]), "expected a tensor, found a storage")
    case .callOfString: (P.whole(P.text("os.system") + Array(")R".utf8)), "a call of a string")
    case .callOfDType:
      (P.whole(P.global("torch", "float32") + Array(")R".utf8)), "is not allowed")
    case .callWithoutTuple:
      (P.whole(P.global("collections", "OrderedDict") + Array("NR".utf8)), "None as arguments")
    case .orderedFromList:
      (
        P.whole(P.global("collections", "OrderedDict") + Array("]".utf8) + [0x85, 0x52]),
        "an OrderedDict made from something"
      )
    case .parameterOfNothing:
      (
        P.whole(P.global("torch._utils", "_rebuild_parameter") + Array("NNN".utf8) + [0x87, 0x52]),
        "a parameter with wrong arguments"
      )
    case .identityNotTuple: (Self.opcodes("NQ"), "None as the identity of a storage")
    case .identityTooShort: (Self.opcodes(")Q"), "the identity of a storage has parts")
    case .identityOtherWord:
      (
        P.whole(
          P.tuple([
            P.text("module"), P.global("torch", "IntStorage"), P.text("0"),
            P.text("cpu"), P.integer(1),
          ]) + Array("Q".utf8)), "the identity of a storage has parts"
      )
    case .identityOtherKind:
      (P.whole(P.storage(P.global("torch", "float32"))), "as the kind of a storage")
    case .countNegative: (P.whole(P.storage(count: -1)), "the identity of a storage has parts")
    default: nil
    }
  }

  private var tensors: ([UInt8], String) {
    func one(_ tensor: [UInt8], _ message: String) -> ([UInt8], String) {
      (P.dictionary([("a", tensor)]), message)
    }
    let wrong = "a tensor with wrong arguments"
    let beyond = "reaches beyond its storage of 6 elements"
    return switch self {
    case .tensorTooShort:
      one(P.global("torch._utils", "_rebuild_tensor_v2") + P.tuple([P.storage()]) + [0x52], wrong)
    case .tensorTooLong: one(P.tensor(more: [P.integer(1), P.integer(1)]), wrong)
    case .tensorOfTuple: one(P.tensor(Array(")".utf8)), wrong)
    case .extentsNotNumbers:
      one(
        P.global("torch._utils", "_rebuild_tensor_v2")
          + P.tuple([
            P.storage(), P.integer(0), P.tuple([P.text("2")]), P.integers([1]), [0x89],
            P.emptyHooks,
          ]) + [0x52], "a string among the extents or strides of a tensor")
    case .hooks:
      one(P.tensor(hooks: P.emptyHooks + P.text("h") + Array("Ns".utf8)), "a tensor with hooks")
    case .metadata:
      one(P.tensor(more: [Array("}".utf8) + P.text("neg") + [0x88, 0x73]]), "otherwise not plain")
    case .noDType:
      one(
        P.tensor(P.storage(P.global("torch.storage", "UntypedStorage"), count: 24)),
        "a tensor without a dtype")
    case .extentNegative: one(P.tensor(P.storage(), [-2, 3]), "a shape with a negative extent")
    case .strideNegative: one(P.tensor(offset: 5, [6], [-1]), "do not fit [6]")
    case .offsetNegative: one(P.tensor(offset: -1), "do not fit [2, 3]")
    case .ranksDiffer: one(P.tensor(P.storage(), [2, 3], [1]), "do not fit [2, 3]")
    case .extentsOverflow:
      one(P.tensor(P.storage(), [1 << 40, 1 << 40], [0, 0]), "too many elements")
    case .bytesOverflow: one(P.tensor(P.storage(), [1 << 62], [0]), "takes too many bytes")
    case .beyondStorage: one(P.tensor(P.storage(), [7], [1]), beyond)
    case .strideBeyondStorage: one(P.tensor(P.storage(), [2, 3], [3, 2]), beyond)
    case .strideOverflow: one(P.tensor(P.storage(), [3, 2], [.max, .max]), beyond)
    case .offsetOverflow: one(P.tensor(offset: .max), beyond)
    case .otherWidth:
      one(
        P.tensor(
          more: [P.global("torch", "float64")], function: "_rebuild_tensor_v3"),
        "reaches beyond its storage of 3 elements")
    default: one(P.tensor(P.storage(count: .max)), "is too large")
    }
  }
}
