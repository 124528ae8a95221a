"""The part of `contract.vietnamese` for the edge's commands: cameras found and measured, models fetched and read."""

from __future__ import annotations

TOOLS: dict[str, str] = {
    # Finding and measuring cameras
    "no ONVIF camera answered: switch ONVIF on in the cameras, check that they are in this network, or name one with "
    "--host ADDRESS": (
        "không camera ONVIF nào trả lời: hãy bật ONVIF trong camera, xem camera có cùng mạng không, hoặc chỉ rõ bằng "
        "--host ĐỊA_CHỈ"
    ),
    "its clock is off by {seconds:.0f} s: switch NTP on in the camera's settings": (
        "đồng hồ của camera lệch {seconds:.0f} giây: hãy bật NTP trong cài đặt camera"
    ),
    "it offers one stream only: switch the sub-stream on, it saves most of the decoding": (
        "camera chỉ có một luồng: hãy bật luồng phụ để đỡ phần lớn việc giải mã"
    ),
    "{broken} of {packets} pictures are broken: check cable and Wi-Fi, and keep `transport: tcp`": (
        "{broken} trên {packets} hình bị hỏng: hãy xem dây mạng và Wi-Fi, và giữ `transport: tcp`"
    ),
    "the codec is {codec}: set the camera to H.264, or no clip can be cut by copying": (
        "mã hoá là {codec}: hãy đặt camera sang H.264, nếu không thì không cắt được đoạn phim bằng cách sao chép"
    ),
    "the codec is H.265: set the camera to H.264, then every browser plays the clips": (
        "mã hoá là H.265: hãy đặt camera sang H.264 để trình duyệt nào cũng xem được đoạn phim"
    ),
    "{size} is more than a search needs: give the sub-stream (about 640x360 to 1280x720) the role detect, and keep "
    "this one for record": (
        "{size} lớn hơn mức cần để phát hiện: hãy dùng luồng phụ (khoảng 640x360 đến 1280x720) cho detect, và để luồng "
        "này cho record"
    ),
    "{size} is small: people far away are missed; set the sub-stream to 640x360 or more": (
        "{size} là nhỏ: người ở xa sẽ bị bỏ sót; hãy đặt luồng phụ từ 640x360 trở lên"
    ),
    "{fps:.0f} pictures a second: 10 are enough for a search and cost less to decode": (
        "{fps:.0f} hình mỗi giây: 10 là đủ để phát hiện và đỡ tốn giải mã"
    ),
    "only {fps:.1f} pictures a second: set 10, or motorbikes jump too far to be followed": (
        "chỉ {fps:.1f} hình mỗi giây: hãy đặt 10, nếu không xe máy nhảy quá xa nên không theo dõi được"
    ),
    "keyframes come too rarely: set the I-frame interval to 2 s, and switch H.264+ / smart codec off: clips begin at a "
    "keyframe, and a quiet scene is decoded by keyframes alone": (
        "khung khoá đến quá thưa: hãy đặt khoảng cách I-frame là 2 giây và tắt H.264+ / smart codec: đoạn phim bắt đầu "
        "từ khung khoá, và cảnh yên tĩnh chỉ cần giải mã khung khoá"
    ),
    "B-frames delay every picture: set the profile to Main or Baseline without B-frames": (
        "khung B làm chậm mọi hình: hãy đặt profile Main hoặc Baseline không có khung B"
    ),
    "pictures carry no times: arrival is used instead; look for newer firmware": (
        "hình không mang thời gian: dùng lúc nhận thay thế; hãy tìm firmware mới hơn"
    ),
    "the times of the pictures jump: arrival is used instead; switch the camera's NTP on, or update it": (
        "thời gian của hình bị nhảy: dùng lúc nhận thay thế; hãy bật NTP của camera hoặc cập nhật camera"
    ),
    "the camera's clock runs fast or slow: switch its NTP on": "đồng hồ camera chạy nhanh hoặc chậm: hãy bật NTP",
    "{kbps:.0f} kbit/s: 4000 are enough for 1080p at 25 a second": (
        "{kbps:.0f} kbit/s: 4000 là đủ cho 1080p với 25 hình mỗi giây"
    ),
    "the microphone is on: it is never used here; switch it off": (
        "micrô đang bật: ở đây không bao giờ dùng; hãy tắt đi"
    ),
    "well suited: nothing to change": "rất phù hợp: không cần đổi gì",
    # Models
    "unknown model {model!r}: use one of {names}, or list it in {manifest}": (
        "không có mô hình {model!r}: hãy dùng một trong {names}, hoặc khai báo nó trong {manifest}"
    ),
    "{file}: no such model file: put it there, or correct its path in {manifest}": (
        "{file}: không có tệp mô hình này: hãy chép nó vào đó, hoặc sửa đường dẫn trong {manifest}"
    ),
    "{file}: cannot be read ({cause}): make it readable for this user": (
        "{file}: không đọc được: hãy cấp quyền đọc cho người dùng đang chạy"
    ),
    "{file}: its SHA-256 is {found}, but {manifest} says {wanted}: the file is damaged or was replaced; restore it, or "
    "write its hash into {manifest} if you trust it": (
        "{file}: SHA-256 của tệp là {found}, còn {manifest} ghi {wanted}: tệp bị hỏng hoặc bị thay; hãy khôi phục tệp, "
        "hoặc ghi mã này vào {manifest} nếu bạn tin tệp"
    ),
    "{file}: cannot be read ({cause}): create it, or set {variable} to the folder that has it": (
        "{file}: không đọc được: hãy tạo tệp, hoặc đặt {variable} là thư mục có tệp"
    ),
    "{file}: is not UTF-8: save it as UTF-8": "{file}: không phải UTF-8: hãy lưu tệp dạng UTF-8",
    "{file}:{line}: is no valid YAML ({cause}): correct the line": "{file}:{line}: sai cú pháp YAML: hãy sửa dòng này",
    "{file}: is no valid YAML ({cause}): correct it": "{file}: sai cú pháp YAML: hãy sửa tệp",
    "{place}: must be a list of models: see docs/reference/models.md": (
        "{place}: phải là danh sách mô hình: xem docs/reference/models.md"
    ),
}
"""As `contract.vietnamese.VIETNAMESE`."""
