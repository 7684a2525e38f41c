import SluiceCore
import Testing

@Suite("Numbers as bytes") struct DecimalTests {
  @Test(
    "digits are those of the number's text",
    arguments: [0, 1, 9, 10, 99, 100, 1 << 32, -1, -10, Int.max, Int.min])
  func digits(number: Int) {
    var bytes = Array("a ".utf8)
    bytes.append(decimal: number)
    #expect(String(decoding: bytes, as: UTF8.self) == "a \(number)")
  }

  @Test("the largest number has twenty digits") func largest() {
    var bytes: [UInt8] = []
    bytes.append(decimal: UInt64.max)
    #expect(bytes == Array("18446744073709551615".utf8))
  }
}
