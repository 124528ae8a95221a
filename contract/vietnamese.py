"""Vietnamese for every template of `contract.messages.Text` (`tests/unit/contract/test_messages.py` fails on a gap).

Sentences may leave out what only programmers read (`problem`, `cause`): English words of a library or the system.
"""

from __future__ import annotations

from contract.vietnamese_tools import TOOLS

VIETNAMESE: dict[str, str] = {
    "(file)": "(cả tệp)",
    "well (cameras: {cameras}, rules: {rules})": "đúng cả (camera: {cameras}, quy tắc: {rules})",
    # What a changed configuration would have told
    "{first} to {last}, {count} observations": "{first} đến {last}, {count} lượt quan sát",
    "rule": "quy tắc",
    "same": "như cũ",
    "changed": "thay đổi",
    "only new": "chỉ mới",
    "only old": "chỉ cũ",
    "no event differs": "không có sự kiện nào khác đi",
    "not judged: {keys} differ, and what was stored is not searched again": (
        "chưa xét được: {keys} khác nhau, mà dữ liệu đã lưu thì không dò lại được"
    ),
    "{count} bytes were torn by a power cut and left out": "bỏ qua {count} byte hỏng do mất điện",
    "the two search pictures differently: the clip was searched twice": (
        "hai cấu hình dò hình theo cách khác nhau: đoạn phim được dò hai lần"
    ),
    "the drawing does not fit the text": "hình vẽ không khớp với văn bản",
    "change the text by hand": "hãy sửa văn bản bằng tay",
    # The file as a whole
    "the file is larger than {limit} kB": "tệp lớn hơn {limit} kB",
    "split it: one camera a file": "hãy tách ra, mỗi camera một tệp",
    "take out what are not places or hours; a server is for one province": (
        "hãy bỏ những gì không phải địa bàn hay giờ giấc; mỗi máy chủ dành cho một tỉnh"
    ),
    "the file is empty": "tệp trống",
    "start from a file in configs/presets": "hãy bắt đầu từ một tệp mẫu trong configs/presets",
    "more than {limit} values": "có hơn {limit} giá trị",
    "nested more than {limit} levels deep": "lồng nhau quá {limit} tầng",
    "check the indentation": "hãy xem lại độ thụt đầu dòng",
    "aliases (*name) are not allowed": "không được dùng bí danh (*tên)",
    "write the value out": "hãy viết thẳng giá trị",
    "anchors (&name) are not allowed": "không được dùng neo (&tên)",
    "remove the anchor and write values out": "hãy bỏ neo và viết thẳng giá trị",
    "tags (!name) are not allowed": "không được dùng thẻ (!tên)",
    "remove the tag": "hãy bỏ thẻ này",
    "an escape that is no character": "mã thoát không ứng với ký tự nào",
    "write the letter itself": "hãy viết thẳng chữ cái",
    "a key must be a word": "khóa phải là một từ",
    "write `key: value`": "hãy viết theo dạng `khóa: giá trị`",
    "the key {key!r} stands here twice": "khóa {key!r} xuất hiện hai lần ở đây",
    "keep one of the two": "hãy giữ lại một",
    "the rule {rule} stands here twice": "quy tắc {rule} xuất hiện hai lần ở đây",
    "{rule} is about the camera itself": "{rule} xét chính camera, không xét khung hình",
    "remove this key": "hãy bỏ khóa này",
    "the motion gate, which tells where to look, is off": "lọc chuyển động đang tắt nên không biết soi gần chỗ nào",
    "write regions: off, or switch the motion gate on": "hãy viết regions: off, hoặc bật lọc chuyển động",
    "not UTF-8 text": "không phải văn bản UTF-8",
    "save the file as UTF-8": "hãy lưu tệp dạng UTF-8",
    "save the file as plain UTF-8 text": "hãy lưu tệp dạng văn bản thuần UTF-8",
    "there is no such file": "chưa có tệp này",
    "cannot be read ({cause})": "không đọc được tệp",
    "make it readable": "hãy cấp quyền đọc tệp",
    "create it; configs/site.yaml is an example": "hãy tạo tệp, theo mẫu configs/site.yaml",
    "no camera file": "chưa có tệp camera nào",
    "add one; configs/presets has examples": "hãy thêm một tệp, mẫu ở configs/presets",
    # Presets
    "unknown preset {name!r}": "không có mẫu {name!r}",
    "the preset has no rule {rule!r} to take away": "mẫu không có quy tắc {rule!r} để bỏ đi",
    # YAML syntax
    "not YAML: {problem}": "sai cú pháp YAML",
    "not YAML: a tab; indent with spaces": "sai cú pháp YAML: có dấu tab; hãy thụt dòng bằng dấu cách",
    "not YAML: a colon or an indentation that does not fit here": (
        "sai cú pháp YAML: dấu hai chấm hoặc độ thụt dòng không đúng chỗ"
    ),
    "not YAML: a key without its colon": "sai cú pháp YAML: khóa thiếu dấu hai chấm",
    "not YAML: a list is not closed: `]` or a comma is missing": (
        "sai cú pháp YAML: danh sách chưa đóng, thiếu `]` hoặc dấu phẩy"
    ),
    "not YAML: `}}` or a comma is missing": "sai cú pháp YAML: thiếu `}}` hoặc dấu phẩy",
    "not YAML: this line is indented unlike the ones before it": (
        "sai cú pháp YAML: dòng này thụt vào khác các dòng trước"
    ),
    "not YAML: a value that begins with @, ` or % needs quotes": (
        "sai cú pháp YAML: giá trị bắt đầu bằng @, ` hoặc % phải đặt trong ngoặc kép"
    ),
    "not YAML: a backslash between double quotes; use single quotes": (
        "sai cú pháp YAML: dấu gạch chéo ngược trong ngoặc kép; hãy dùng ngoặc đơn"
    ),
    "not YAML: a quote or bracket is not closed": "sai cú pháp YAML: dấu nháy hoặc dấu ngoặc chưa đóng",
    "not YAML: a second document begins here (`---`)": "sai cú pháp YAML: tài liệu thứ hai bắt đầu ở đây (`---`)",
    "not YAML: a control character stands in the text": "sai cú pháp YAML: có ký tự điều khiển trong văn bản",
    "check indentation, colons, quotes and brackets here": (
        "hãy xem lại độ thụt dòng, dấu hai chấm, dấu nháy và dấu ngoặc ở đây"
    ),
    # Single values
    "{value} {what}": "{value} {what}",
    "{key} is missing": "thiếu {key}",
    "add `{key}:`": "hãy thêm `{key}:`",
    "unknown key {key!r}": "không có khóa {key!r}",
    "did you mean {key!r}?": "có phải bạn muốn viết {key!r}?",
    "remove it": "hãy bỏ đi",
    "remove it; known here: {names}": "hãy bỏ đi; ở đây chỉ có: {names}",
    "correct it": "hãy sửa lại",
    "write a number in this range": "hãy viết một số trong khoảng này",
    "should be a number": "phải là một số",
    "write a number, such as 2.5": "hãy viết một số, ví dụ 2.5",
    "should be a whole number": "phải là số nguyên",
    "write a whole number, such as 10": "hãy viết một số nguyên, ví dụ 10",
    "should be text": "phải là chữ",
    "write it between quotes": "hãy đặt trong dấu ngoặc kép",
    "should be a list": "phải là danh sách",
    "write it as [a, b]": "hãy viết theo dạng [a, b]",
    "should hold keys and values": "phải gồm các khóa và giá trị",
    "should be a date": "phải là ngày tháng",
    "write a date as YYYY-MM-DD": "hãy viết theo dạng năm-tháng-ngày, ví dụ 2026-07-31",
    "should be true or false": "phải là true hoặc false",
    "write true or false": "hãy viết true hoặc false",
    "an entry is missing": "thiếu một mục",
    "a point has two numbers: [x, y]": "mỗi điểm có hai số: [x, y]",
    "is not a usable id": "không dùng làm mã được",
    "use 1-63 lower-case letters without accents, digits, - and _; first a letter or digit": (
        "hãy dùng 1-63 chữ thường không dấu, chữ số, - và _; bắt đầu bằng chữ hoặc số"
    ),
    "is not a time range": "không phải khoảng giờ",
    "write it as HH:MM-HH:MM, such as 22:00-05:00": "hãy viết theo dạng giờ:phút-giờ:phút, ví dụ 22:00-05:00",
    "holds control characters": "có ký tự điều khiển",
    "is not the address of a server": "không phải địa chỉ máy chủ",
    "write http:// or https:// and the host, without user name, ? or #": (
        "hãy viết http:// hoặc https:// rồi tên máy chủ, không kèm tên người dùng, ? hay #"
    ),
    "should be one of: {names}": "phải là một trong: {names}",
    "use one of the words listed": "hãy dùng một trong các từ đã nêu",
    "use one of: {names}": "hãy dùng một trong: {names}",
    "define one first": "hãy khai báo trước đã",
    "unknown kind {name!r}": "không có loại {name!r}",
    "the kind is missing": "chưa ghi loại",
    "add `kind:`, one of: {names}": "hãy thêm `kind:`, một trong: {names}",
    "is not allowed here ({kind})": "không được phép ở đây ({kind})",
    "should be greater than {limit}": "phải lớn hơn {limit}",
    "should be {limit} or more": "phải từ {limit} trở lên",
    "should be less than {limit}": "phải nhỏ hơn {limit}",
    "should be {limit} or less": "không được quá {limit}",
    "should have at least {limit} characters": "phải có ít nhất {limit} ký tự",
    "should have at most {limit} characters": "chỉ được có tối đa {limit} ký tự",
    "should have at least {limit} entries": "phải có ít nhất {limit} mục",
    "should have at most {limit} entries": "chỉ được có tối đa {limit} mục",
    "add what is missing": "hãy thêm phần còn thiếu",
    "make it shorter": "hãy viết ngắn lại",
    "remove what is too much": "hãy bỏ bớt phần thừa",
    # The site
    "province": "tỉnh",
    "commune": "xã",
    "village": "thôn",
    "unknown time zone {zone!r}": "không có múi giờ {zone!r}",
    "use a name such as Asia/Ho_Chi_Minh": "hãy dùng tên như Asia/Ho_Chi_Minh",
    "the place {place!r} stands here twice": "địa bàn {place!r} xuất hiện hai lần",
    "give each place its own id": "hãy cho mỗi địa bàn một mã riêng",
    "the village {place!r} has no parent": "thôn {place!r} chưa ghi thuộc xã nào",
    "add `parent:`, the id of its commune": "hãy thêm `parent:` là mã của xã",
    "unknown place {place!r}": "không có địa bàn {place!r}",
    "a {kind} cannot lie in a {parent}": "{kind} không thể nằm trong {parent}",
    "name a {kind}": "hãy ghi mã của một {kind}",
    "remove `parent:`": "hãy bỏ `parent:`",
    "the schedule is never in force": "lịch này không có giờ nào hiệu lực",
    "add time ranges, such as every_day": "hãy thêm khoảng giờ, ví dụ every_day",
    "the range {range} is empty": "khoảng giờ {range} trống",
    "write 00:00-24:00 for the whole day": "muốn cả ngày, hãy viết 00:00-24:00",
    # Ways of vehicles and people
    "{zone!r} is about as wide as long: which way does it run?": (
        "{zone!r} dài gần bằng rộng, không rõ chạy theo hướng nào"
    ),
    "for which classes is {zone!r}?": "{zone!r} dành cho loại xe nào?",
    "add `allowed: [car]` to zones.{zone}, or `banned:` to the rule": (
        "hãy thêm `allowed: [car]` vào zones.{zone}, hoặc `banned:` vào quy tắc"
    ),
    "the rule does not look at the class {name!r}": "quy tắc này không xét loại {name!r}",
    "add it to the rule's objects": "hãy thêm vào objects của quy tắc",
    "from_zone and to_zone belong together": "from_zone và to_zone phải đi cùng nhau",
    "write either zones, in their forbidden order, or from_zone and to_zone": (
        "hãy viết zones theo thứ tự bị cấm, hoặc viết from_zone và to_zone"
    ),
    "a zone stands in the order twice: for turning back in one zone name it once": (
        "một khu vực xuất hiện hai lần; muốn cấm quay đầu trong một khu vực, hãy ghi tên nó một lần"
    ),
    "a camera is not near itself": "máy quay không thể ở gần chính nó",
    "name other cameras": "hãy ghi mã của các máy quay khác",
    "holidays are written by themselves": "ngày lễ được khai báo riêng",
    "move them to `holidays:`": "hãy chuyển sang `holidays:`",
    "the days end before they begin, or more than a year later": (
        "khoảng ngày kết thúc trước khi bắt đầu, hoặc dài hơn một năm"
    ),
    "write [first, last]": "hãy viết [ngày đầu, ngày cuối]",
    "unknown days {name!r}": "không có nhóm ngày {name!r}",
    # A camera
    "the id is {found!r}, not {wanted!r}": "mã là {found!r}, không phải {wanted!r}",
    "{id!r} is no id": "{id!r} không dùng làm mã được",
    "use a-z, 0-9, - and _": "hãy dùng a-z, 0-9, - và _",
    "never change a camera's id": "đừng bao giờ đổi mã của camera",
    "the camera {camera!r} is already in {file}": "camera {camera!r} đã có trong {file}",
    "give each camera its own id": "hãy cho mỗi camera một mã riêng",
    "the place {place!r} is not a village": "địa bàn {place!r} không phải là thôn",
    "the place {place!r} is not in site.yaml": "địa bàn {place!r} không có trong site.yaml",
    "a brace that is no placeholder": "dấu ngoặc nhọn không thuộc biến nào",
    "write placeholders as {{LANGAN_NAME}}, capitals only": "hãy viết biến theo dạng {{LANGAN_TÊN}}, toàn chữ in hoa",
    "a user name or password stands in the file": "tên người dùng hoặc mật khẩu nằm trong tệp",
    "write {{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}} and set both in the secrets file": (
        "hãy viết {{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}} và đặt cả hai trong tệp bí mật"
    ),
    "this kind of source is not allowed": "không được dùng loại nguồn này",
    "use rtsp://, rtsps://, http://, https:// or a file name": (
        "hãy dùng rtsp://, rtsps://, http://, https:// hoặc tên tệp"
    ),
    "control characters in the path": "đường dẫn có ký tự điều khiển",
    "remove them": "hãy bỏ chúng đi",
    "a file outside the media folder": "tệp nằm ngoài thư mục media",
    "copy it into the media folder and name it relative to that": (
        "hãy chép vào thư mục media và ghi tên tính từ thư mục đó"
    ),
    "a live stream cannot loop": "luồng trực tiếp không phát lặp lại được",
    "remove `loop:`": "hãy bỏ `loop:`",
    "the role {role!r} is taken twice": "vai trò {role!r} được dùng hai lần",
    "give each role to one input": "hãy giao mỗi vai trò cho một luồng",
    "no input has the role detect": "chưa luồng nào có vai trò detect",
    "add `roles: [detect]` to the stream that is searched": "hãy thêm `roles: [detect]` vào luồng dùng để nhận dạng",
    "image has {image} points and ground_m {ground}": (
        "image có {image} điểm còn ground_m có {ground} điểm, phải bằng nhau"
    ),
    "the polygon has no area": "đa giác không có diện tích",
    "give at least three corners that span a surface": "hãy cho ít nhất ba đỉnh tạo thành một mặt",
    "the polygon crosses itself": "các cạnh của đa giác cắt nhau",
    "list the corners in order around it": "hãy liệt kê các đỉnh lần lượt theo vòng",
    "from and to are the same point": "điểm đầu và điểm cuối trùng nhau",
    "draw an arrow along the lane": "hãy vẽ mũi tên dọc theo làn đường",
    "the line has no length": "đường kẻ không có độ dài",
    "give its two ends": "hãy cho hai đầu của nó",
    "the points lie on one line": "các điểm thẳng hàng",
    "choose points that span the ground": "hãy chọn các điểm trải rộng trên mặt đất",
    "all points but one lie on one line, which fixes no ground plane": (
        "trừ một điểm ra, các điểm còn lại thẳng hàng nên không xác định được mặt đất"
    ),
    "no three of four may lie on one line": "trong bốn điểm không được có ba điểm thẳng hàng",
    "the points of image and ground_m do not belong together": "các điểm của image và ground_m không khớp nhau",
    "list them in the same order, all of them on the ground": "hãy ghi chúng theo cùng thứ tự, đều nằm trên mặt đất",
    "the whole zone lies under a privacy mask, where nothing is seen": (
        "cả khu vực nằm dưới vùng che riêng tư nên không thấy gì"
    ),
    "the line lies under a privacy mask, where nothing is seen to cross it": (
        "đường kẻ nằm dưới vùng che riêng tư nên không thấy gì đi qua"
    ),
    "move it, or make the mask smaller": "hãy dời nó đi, hoặc thu nhỏ vùng che",
    "the line runs along the picture's border, where nothing can cross it": (
        "đường kẻ chạy dọc mép khung hình nên không gì đi qua được"
    ),
    "move it into the picture": "hãy dời nó vào trong khung hình",
    "the centre of {zone!r} lies on the line, so neither side is the far one": (
        "tâm của {zone!r} nằm ngay trên đường kẻ nên không biết phía nào là phía bên kia"
    ),
    "name a zone that lies beyond the line, or draw one there": (
        "hãy ghi một khu vực nằm hẳn bên kia đường kẻ, hoặc vẽ một khu vực ở đó"
    ),
    # Traffic lights
    "the box has no area": "khung không có diện tích",
    "write [left, top, right, bottom], each less than 1": "hãy viết [trái, trên, phải, dưới], đều trong khoảng 0 đến 1",
    "the box lies under a privacy mask": "khung nằm dưới vùng che riêng tư",
    "is not the address of a signal": "không phải địa chỉ của đèn tín hiệu",
    "write http:// or https:// and the host, no spaces": (
        "hãy viết http:// hoặc https:// rồi tên máy, không có dấu cách"
    ),
    "must be longer than every_s": "phải dài hơn every_s",
    "make it longer: every answer would be too old before the next one comes": (
        "hãy để dài hơn, nếu không câu trả lời nào cũng quá cũ trước khi có câu sau"
    ),
    "one word stands for two colours": "một từ được dùng cho hai màu",
    "give each word to one colour": "hãy dùng mỗi từ cho một màu",
    "is not the place of a value in JSON": "không phải chỗ của một giá trị trong JSON",
    "write the names from outside to inside with dots between them, such as signal.colour": (
        "hãy viết các tên từ ngoài vào trong, cách nhau bằng dấu chấm, ví dụ signal.colour"
    ),
    # Rules
    "{rule} needs at least one zone": "{rule} cần ít nhất một khu vực",
    "add `zones:`; {choice}": "hãy thêm `zones:`; {choice}",
    "unknown zone {zone!r}": "không có khu vực {zone!r}",
    "{rule} needs the direction of {zone!r}": "{rule} cần biết chiều đi của {zone!r}",
    "add `direction: [[x, y], [x, y]]` (from, to) to zones.{zone}": (
        "hãy thêm `direction: [[x, y], [x, y]]` (từ, đến) vào zones.{zone}"
    ),
    "unknown class {name!r}": "không có loại đối tượng {name!r}",
    "{rule} looks for {name!r} too, which is not tracked": "{rule} cần tìm cả {name!r} mà lớp này chưa được theo dõi",
    "the model {model!r} does not know {names}": "mô hình {model!r} không nhận ra {names}",
    (
        "say under parts: of its entry in manifest.yaml which of its classes these are, name a model that knows "
        "them under detect.parts_model, or remove the rule"
    ): (
        "hãy ghi ở mục parts: của mô hình trong manifest.yaml lớp nào là các lớp này, hoặc chỉ ra mô hình biết chúng ở "
        "detect.parts_model, hoặc bỏ quy tắc"
    ),
    "the network that reads number plates is not installed": "chưa cài mạng nhận dạng chữ trên biển số",
    "run pip install --no-deps rapidocr on the box, or write enabled: false": (
        "hãy chạy pip install --no-deps rapidocr trên máy này, hoặc ghi enabled: false"
    ),
    "number plates need a model that finds them: name it under plates.model": (
        "muốn đọc biển số cần mô hình tìm biển số: hãy ghi tên mô hình ở plates.model"
    ),
    "the class {name!r} is not tracked": "loại đối tượng {name!r} không được theo dõi",
    "add it to objects.track": "hãy thêm vào objects.track",
    "{rule} watches {names}, and none of them is tracked": "{rule} cần {names} mà không loại nào được theo dõi",
    "add one to objects.track": "hãy thêm một loại vào objects.track",
    "unknown schedule {name!r}": "không có lịch {name!r}",
    "unknown signal {name!r}": "không có đèn tín hiệu {name!r}",
    "unknown line {name!r}": "không có đường kẻ {name!r}",
    "{rule} needs to know which side of {line!r} is the far one": (
        "{rule} cần biết phía nào của {line!r} là bên kia vạch"
    ),
    "add `into:`, a zone beyond it, to lines.{line}": "hãy thêm `into:` là một khu vực bên kia vạch vào lines.{line}",
    "{rule} decides in metres, and the camera has no calibration": "{rule} tính bằng mét mà camera chưa hiệu chuẩn",
    "add `calibration:` with four or more points of the picture and their places on the ground": (
        "hãy thêm `calibration:` gồm từ bốn điểm trên ảnh trở lên và vị trí của chúng trên mặt đất"
    ),
    "{name!r} stands here twice": "{name!r} xuất hiện hai lần ở đây",
    "add time ranges, or remove this key": "hãy thêm khoảng giờ, hoặc bỏ khóa này",
    "must be smaller than min_angle_deg": "phải nhỏ hơn min_angle_deg",
    "leave a gap, so that it cannot flicker": "hãy để cách một khoảng, kẻo cảnh báo chập chờn",
    "must be smaller than {name}": "phải nhỏ hơn {name}",
    "change one of the two": "hãy sửa một trong hai",
    # What only the edge can check
    "unknown model {model!r}": "không có mô hình {model!r}",
    "the model cannot be used: {reason}": "không dùng được mô hình này: {reason}",
    "restore its files, or correct its manifest.yaml": "hãy khôi phục các tệp của nó, hoặc sửa manifest.yaml của nó",
    "the ground plane cannot be told ({cause})": "không tính được mặt đất từ phần hiệu chuẩn",
    "correct the points and the lens of the calibration": "hãy sửa các điểm và ống kính trong phần hiệu chuẩn",
    "{camera}: at the far end of {place!r} a person or rider is only {found:.0f} rows high in what the "
    "model sees, and {needed:.0f} are needed to be found: use a longer lens, hang the camera nearer, "
    "or end it where a person takes {share:.0%} of the picture's height": (
        "{camera}: ở đầu xa của {place!r}, người hay người đi xe chỉ cao {found:.0f} hàng trong ảnh mà mô hình nhìn, "
        "phải từ {needed:.0f} mới nhận ra được: hãy dùng ống kính dài hơn, đặt camera gần hơn, "
        "hoặc cho nó kết thúc ở chỗ người cao bằng {share:.0%} chiều cao ảnh"
    ),
    "{camera}: four calibration points always fit; {error:.2f} m each is taken for their error: "
    "six or more, spread over the ground, would tell it": (
        "{camera}: bốn điểm hiệu chuẩn luôn khớp; tạm coi mỗi điểm sai {error:.2f} m: "
        "nên cho từ sáu điểm trải rộng trên mặt đất để biết sai số thật"
    ),
    "{camera}: the calibration fits to {error:.2f} m; each point, left out, is off by (m): {errors}": (
        "{camera}: phần hiệu chuẩn khớp đến {error:.2f} m; bỏ từng điểm ra thì điểm đó lệch (m): {errors}"
    ),
    "the rules cannot be put together ({cause})": "không ghép được các luật với cảnh quay",
    "correct the rules, their zones or the calibration": "hãy sửa các luật, khu vực của chúng hoặc phần hiệu chuẩn",
    **TOOLS,
}
"""Keyed by the English template, with the same values."""
