"""Vietnamese for the descriptions in the camera file's schema: what the editor shows at a key.

The key is the English description on one line. `tests/unit/contract/test_schema_vietnamese.py` fails on a gap.
"""

from __future__ import annotations

DESCRIPTIONS: dict[str, str] = {
    "Where it hangs: latitude, longitude in degrees (WGS 84). None: officers find it in a list, not on the plan.": (
        "Nơi treo camera: vĩ độ, kinh độ (WGS 84). Để trống: cán bộ tìm trong danh sách, không có trên sơ đồ."
    ),
    "Which one, where the preset has several rules of this kind.": "Quy tắc nào, khi mẫu có nhiều quy tắc cùng loại.",
    "`false` takes the preset's rule away.": "`false` để bỏ quy tắc của mẫu.",
    "... and all of them together block this share of its ground ...": (
        "... và tất cả cùng chiếm chừng này phần mặt đất của vùng ..."
    ),
    "... and how far, where the camera has a homography.": "... và đi bao xa, khi camera có điểm chuẩn mặt đất.",
    "... and the most.": "... và nhiều nhất.",
    "... and this far.": "... và xa chừng này.",
    "... and this share of the frames of the last seconds that show the motorbike with anybody on it.": (
        "... và chừng này phần số hình trong những giây cuối có xe máy và người trên xe."
    ),
    "... and this share of the frames that tell how that head is covered.": (
        "... và chừng này phần số hình cho biết đầu đội gì."
    ),
    "... and what stands farther past it stands in the junction, for other reasons.": (
        "... còn đứng xa hơn nữa là đứng trong nút giao, vì lý do khác."
    ),
    "... and where it must not go from there.": "... và từ đó không được đi tới vùng nào.",
    "... and without one, in lengths of the vehicle's own box.": (
        "... còn nếu không có, tính bằng chiều dài khung của chính xe."
    ),
    "... for this long, or out of the picture.": "... trong chừng này lâu, hoặc ra khỏi hình.",
    "... for this long.": "... trong chừng này lâu.",
    "... or before, the oldest first, when they take more megabytes than this; part of `--evidence-mb`.": (
        "... hoặc sớm hơn, cũ nhất trước, khi chiếm quá chừng này megabyte; nằm trong `--evidence-mb`."
    ),
    "... when it stays at or above that for this long.": "... khi giữ ở mức đó hoặc hơn trong chừng này lâu.",
    "... when so many searched frames show them ...": "... khi chừng này hình đã dò cho thấy họ ...",
    "A cluster of this many people raises an event ...": "Nhóm có chừng này người thì báo ...",
    "A larger thing is no lost property: a vehicle that was not recognised, a heap of goods.": (
        "Vật lớn hơn thì không phải đồ bỏ quên: là xe không nhận ra được, hoặc đống hàng."
    ),
    "A larger thing was parked, not thrown away.": "Vật lớn hơn là đỗ lại, không phải vứt đi.",
    "A lower limit at night; `after_hours: null` turns it off.": (
        "Mức thấp hơn vào ban đêm; `after_hours: null` để tắt."
    ),
    "A lower limit for hours in which few people have a reason to gather.": (
        "Mức thấp hơn cho giờ ít ai có lý do tụ tập."
    ),
    "A named line of the picture.": "Một vạch có tên trên hình.",
    "A named polygon of the picture. An object is in it when its ground contact (bottom centre of its box) is.": (
        "Một vùng có tên trên hình. Vật ở trong vùng khi chỗ chạm đất (giữa cạnh dưới của khung) ở trong vùng."
    ),
    "A picture that is the same to the last bit for so long is frozen and the camera is connected anew; 0: never.": (
        "Hình giống hệt nhau trong chừng này lâu là hình bị treo, camera được nối lại; 0: không bao giờ."
    ),
    "A preset of configs/presets that this file builds on; what it says holds unless this file says otherwise.": (
        "Mẫu trong configs/presets mà tệp này dựa vào; điều mẫu ghi có hiệu lực trừ khi tệp này ghi khác."
    ),
    "A second model, for rules about parts of objects (helmets): searches a frame only while a "
    "motorbike is tracked. None: `model` knows them.": (
        "Mô hình thứ hai cho quy tắc về bộ phận (mũ bảo hiểm): chỉ dò khi có xe máy. Để trống: `model` đã biết."
    ),
    "A speed is measured over at least this long ...": "Tốc độ được đo ít nhất trong chừng này lâu ...",
    "A traffic light that the camera sees: its colour is read from the picture.": (
        "Đèn giao thông mà camera nhìn thấy: màu đọc từ hình."
    ),
    "A traffic light whose controller tells its state over HTTP, as JSON.": (
        "Đèn giao thông mà tủ điều khiển cho biết màu qua HTTP, dạng JSON."
    ),
    "A traffic light with a fixed plan of phases.": "Đèn giao thông chạy theo chu kỳ cố định.",
    "A vehicle lost and found again at the same place and of the same class within this time stood "
    "all the while; not seen for longer, it is gone.": (
        "Xe mất dấu rồi thấy lại đúng chỗ, đúng loại trong chừng này lâu là xe vẫn đứng đó; lâu hơn là xe đã đi."
    ),
    "A vehicle that moved by more than this share of its box diagonal drove; less is the detector's jitter.": (
        "Xe dời quá chừng này phần đường chéo của khung là có chạy; ít hơn là do máy dò rung."
    ),
    "A view that stayed wrong for this long is the camera's new one: the event ends, and it is learned.": (
        "Góc nhìn sai trong chừng này lâu được coi là góc mới của camera: sự kiện kết thúc và góc mới được ghi nhận."
    ),
    "A wheel on the line is let pass ...": "Bánh xe chạm vạch thì bỏ qua ...",
    "An answer older than this says nothing any more: the state is unknown, and unknown is not red.": (
        "Câu trả lời cũ hơn chừng này không còn giá trị: không rõ màu, mà không rõ thì không phải đỏ."
    ),
    "An id of models/manifest.yaml.": "Mã mô hình trong models/manifest.yaml.",
    "An id of models/manifest.yaml: a model that finds plates; whatever it finds is taken for one.": (
        "Mã trong models/manifest.yaml: mô hình tìm biển số; tìm được gì thì coi là biển số."
    ),
    "An object raises an event once nobody has been with it for this long.": (
        "Báo khi không ai ở bên vật trong chừng này lâu."
    ),
    "As officers call it.": "Tên mà cán bộ thường gọi.",
    "As people call it.": "Tên thường gọi.",
    "As people call it; drawn on snapshots.": "Tên thường gọi; vẽ lên ảnh chụp.",
    "Blackened before anything is detected, shown or stored.": "Bôi đen trước khi dò, hiển thị hay lưu bất cứ gì.",
    "Cameras close by that look at other spots: what several of them see at once is offered to "
    "officers as one incident. One of two neighbours saying it is enough.": (
        "Camera gần đó nhìn chỗ khác: điều nhiều camera cùng thấy được gợi ý cho cán bộ gộp thành một vụ."
        " Chỉ cần một trong hai bên khai."
    ),
    "Cameras that share a spot share incidents; None means the camera's own id.": (
        "Camera cùng một chỗ thì chung vụ việc; để trống là mã của chính camera."
    ),
    "Classes that are followed.": "Những loại vật được theo dõi.",
    "Classes that must not travel in the zones while the rule is in force; zones with `allowed` refuse the others.": (
        "Những loại xe không được đi trong vùng khi quy tắc có hiệu lực; vùng có `allowed` thì cấm các loại còn lại."
    ),
    "Classes the rule looks at; empty means the rule's own default (`Params.default_objects`).": (
        "Những loại vật mà quy tắc xét; để trống là mặc định của quy tắc."
    ),
    "Classes to track, and filters for them.": "Những loại vật cần theo dõi và bộ lọc cho chúng.",
    "Corners in order around it, three or more; the edges must not cross.": (
        "Các góc theo thứ tự vòng quanh, từ ba góc trở lên; các cạnh không được cắt nhau."
    ),
    "First radial coefficient; below 0 for the barrel of a wide lens.": (
        "Hệ số méo thứ nhất; âm với ống kính góc rộng."
    ),
    "Focal length in pixels divided by the picture's height.": "Tiêu cự tính bằng điểm ảnh chia cho chiều cao hình.",
    "Focal length in pixels divided by the picture's width.": "Tiêu cự tính bằng điểm ảnh chia cho chiều rộng hình.",
    "For which classes a lane is (`lane_misuse`); empty: for all.": (
        "Làn dành cho loại xe nào (`lane_misuse`); để trống: mọi loại."
    ),
    "Four or more image points and their ground coordinates in metres: the homography of the ground plane.": (
        "Bốn điểm trên hình trở lên và tọa độ mặt đất của chúng, bằng mét."
    ),
    "Frames a second that are searched; 5 follows people and village traffic.": (
        "Số hình mỗi giây được dò; 5 là đủ theo người và xe trong thôn."
    ),
    "From, to: which way a lane runs; for other zones, along which way they lie.": (
        "Từ đâu, tới đâu: chiều của làn; với vùng khác là hướng nằm dọc."
    ),
    "Grey levels by which a pixel must differ.": "Điểm ảnh phải khác đi bao nhiêu mức xám.",
    "Ground points of things that always stand there (a kiosk on wheels): what stands there is ignored.": (
        "Điểm đất của vật luôn đứng đó (quán di động): bỏ qua."
    ),
    "Ground points of things that always stand there or are put there rightly (a bin, chairs): ignored.": (
        "Điểm đất của vật luôn ở đó hoặc được đặt đúng chỗ (thùng rác, ghế): bỏ qua."
    ),
    "Ground points of things that always stand there: not counted.": "Điểm đất của vật luôn ở đó: không tính.",
    "Ground points of things that look like a person and always stand there (a statue, a poster): not counted.": (
        "Điểm đất của vật giống người luôn ở đó (tượng, áp phích): không tính."
    ),
    "Ground points of things that look like people and always stand there (a statue, a poster): ignored.": (
        "Điểm đất của vật giống người luôn ở đó (tượng, áp phích): bỏ qua."
    ),
    "Ground points of things that look like the class and always stand there (a statue, a parked wreck): ignored.": (
        "Điểm đất của vật trông giống loại đang xét và luôn ở đó (tượng, xe hỏng): bỏ qua."
    ),
    "Ground points of things that the detector takes for vehicles and that always stand there: ignored.": (
        "Điểm đất của vật luôn ở đó mà máy tưởng là xe: bỏ qua."
    ),
    "Ground points where things are put down rightly (bins, the place for rubbish): ignored.": (
        "Điểm đất của chỗ được phép để đồ (thùng rác, nơi tập kết): bỏ qua."
    ),
    "Hours after which they are deleted ...": "Sau bao nhiêu giờ thì xóa ...",
    "How RTSP carries media.": "RTSP truyền hình bằng cách nào.",
    "How events and pages name the camera; never change it once events exist.": (
        "Mã của camera trong sự kiện và trên trang; đã có sự kiện thì không đổi."
    ),
    "How far a point may be off, measuring and pointing together (standard deviation in metres): "
    "decides how sure a speed is. More than four points correct it by how well they fit.": (
        "Một điểm có thể lệch bao nhiêu mét, cả đo lẫn chỉ (độ lệch chuẩn): quyết định tốc độ chắc đến "
        "đâu. Nhiều hơn bốn điểm thì tự chỉnh."
    ),
    "How long a vehicle must travel along the pavement ...": "Xe phải đi dọc vỉa hè bao lâu ...",
    "How long after red a queue needs to start moving.": "Sau đèn đỏ, hàng xe cần bao lâu để chuyển bánh.",
    "How long it must oppose it ...": "Phải đi ngược bao lâu ...",
    "How long it must travel along the lane ...": "Phải đi dọc làn bao lâu ...",
    "How often and with which model of models/manifest.yaml the camera's picture is searched.": (
        "Hình của camera được dò thường xuyên đến đâu và bằng mô hình nào của models/manifest.yaml."
    ),
    "Instead of `zones`: where the vehicle comes from ...": "Thay cho `zones`: xe đi từ vùng nào ...",
    "It must stand there so long while red shows.": "Phải đứng đó chừng này lâu khi đèn đỏ.",
    "Its two ends.": "Hai đầu của vạch.",
    "Keep a picture with what the rule saw drawn on it, and a redacted copy for residents.": (
        "Giữ một ảnh có vẽ điều quy tắc thấy, và một bản che mờ cho người dân."
    ),
    "Keep a short video, cut from the recorded stream without encoding it again.": (
        "Giữ một đoạn phim ngắn, cắt từ luồng ghi, không mã hóa lại."
    ),
    "Lines by id; rules name them.": "Các vạch theo mã; quy tắc gọi bằng mã.",
    "Lowest score of the detector; 0 leaves it to the model's own threshold.": (
        "Điểm thấp nhất của máy dò; 0 là theo ngưỡng của mô hình."
    ),
    "No frame for this long raises an event; shorter losses are told in the camera's health only.": (
        "Không có hình trong chừng này lâu thì báo; mất ngắn hơn chỉ ghi ở tình trạng camera."
    ),
    "Number plates of vehicles that an event of a traffic rule is about; residents never see them.": (
        "Biển số của xe trong sự kiện giao thông; người dân không bao giờ thấy."
    ),
    "One stream of the camera.": "Một luồng hình của camera.",
    "Only for lenses that bend straight lines visibly.": "Chỉ dùng cho ống kính làm cong đường thẳng thấy rõ.",
    "Pause between two questions.": "Nghỉ bao lâu giữa hai lần hỏi.",
    "Places whose motion says nothing: trees, a clock burned into the picture.": (
        "Chỗ có chuyển động không đáng kể: cây cối, đồng hồ in trên hình."
    ),
    "Play a file again and again at its own speed, as a camera would: for demonstrations.": (
        "Phát lại tệp phim mãi như một camera: để trình diễn."
    ),
    "Points of the picture.": "Các điểm trên hình.",
    "Polygons by id; rules name them.": "Các vùng theo mã; quy tắc gọi bằng mã.",
    "Presence for this long raises an event.": "Có mặt trong chừng này lâu thì báo.",
    "Radial distortion of the lens, as OpenCV's calibration gives it; without it the lens counts as straight.": (
        "Độ méo của ống kính theo cách hiệu chuẩn của OpenCV; không ghi thì coi như không méo."
    ),
    "Red must have shown for so long when the vehicle crosses the line.": (
        "Đèn phải đỏ được chừng này lâu khi xe qua vạch."
    ),
    "Second radial coefficient.": "Hệ số méo thứ hai.",
    "Seconds of clip after the event's start.": "Số giây phim sau lúc bắt đầu.",
    "Seconds of clip before the event.": "Số giây phim trước sự kiện.",
    "Share of the picture that must change.": "Phần hình phải thay đổi.",
    "Share of the picture.": "Phần của hình.",
    "Share of the time on the carriageway spent outside every zone of kind `crossing`: less is cutting its corner.": (
        "Phần thời gian trên lòng đường ở ngoài mọi lối qua đường (`crossing`): ít hơn chỉ là đi tắt góc."
    ),
    "So far beyond the line, and in the junction, it has entered.": (
        "Vượt vạch xa chừng này và ở trong nút giao là đã vào nút."
    ),
    "So many people stand in the zone, with at least one vehicle or goods, ...": (
        "Chừng này người đứng trong vùng, cùng ít nhất một xe hoặc hàng hóa, ..."
    ),
    "So many riders on one motorbike raise an event ...": "Chừng này người trên một xe máy thì báo ...",
    "So many searched frames must show one head without a helmet ...": (
        "Chừng này hình đã dò phải cho thấy một đầu không đội mũ ..."
    ),
    "So much above the limit is let pass.": "Vượt giới hạn chừng này thì bỏ qua.",
    "Standing longer than this raises an event.": "Đứng lâu hơn chừng này thì báo.",
    "Standing while this signal is red, and for `queue_clear_s` after, is a queue and is not counted.": (
        "Đứng khi đèn này đỏ, và thêm `queue_clear_s` sau đó, là xếp hàng, không tính."
    ),
    "Staying longer raises an event.": "Ở lâu hơn thì báo.",
    "The event ends once the cluster stays below this share of `min_people` ...": (
        "Sự kiện kết thúc khi nhóm còn dưới chừng này phần của `min_people` ..."
    ),
    "The event ends so long after the vehicle entered.": "Sự kiện kết thúc chừng này lâu sau khi xe vào.",
    "The event ends this long after the person reached the other side: by then its clip shows it.": (
        "Sự kiện kết thúc chừng này lâu sau khi người sang tới bên kia: lúc đó đoạn phim đã có đủ."
    ),
    "The event ends this long after the vehicle did it: by then its clip shows where it went.": (
        "Sự kiện kết thúc chừng này lâu sau khi xe làm vậy: lúc đó đoạn phim cho thấy xe đi đâu."
    ),
    "The event ends when frames have come again for this long.": (
        "Sự kiện kết thúc khi hình có lại được chừng này lâu."
    ),
    "The event ends when people or blocked share stay below this share of their limits ...": (
        "Sự kiện kết thúc khi số người hoặc phần bị chiếm còn dưới chừng này phần của mức ..."
    ),
    "The event ends when the motorbike was not seen for this long, or seen with fewer riders.": (
        "Sự kiện kết thúc khi không thấy xe máy chừng này lâu, hoặc thấy ít người hơn."
    ),
    "The event ends when the motorbike was not seen for this long.": (
        "Sự kiện kết thúc khi không thấy xe máy chừng này lâu."
    ),
    "The event ends when the vehicle has been gone, or has gone the right way, for this long.": (
        "Sự kiện kết thúc khi xe đã đi khỏi, hoặc đi đúng chiều, chừng này lâu."
    ),
    "The event ends when the vehicle has been gone, or no faster than the limit, for this long.": (
        "Sự kiện kết thúc khi xe đã đi khỏi, hoặc không quá giới hạn, chừng này lâu."
    ),
    "The event ends when the vehicle has been out of the zone for this long.": (
        "Sự kiện kết thúc khi xe ra khỏi vùng chừng này lâu."
    ),
    "The event ends when the vehicle has been seen away from its place for this long (unseen: `relink_s`).": (
        "Sự kiện kết thúc khi thấy xe ở chỗ khác chừng này lâu (không thấy: theo `relink_s`)."
    ),
    "The event ends when the vehicle has moved on, or the signal has not been red, for so long.": (
        "Sự kiện kết thúc khi xe đi tiếp, hoặc đèn không đỏ, chừng này lâu."
    ),
    "The event ends when the view has been as before for this long.": (
        "Sự kiện kết thúc khi góc nhìn trở lại như cũ chừng này lâu."
    ),
    "The event ends when the zone has been free of the class for this long.": (
        "Sự kiện kết thúc khi vùng không còn loại vật đó chừng này lâu."
    ),
    "The event ends when whoever left it has been with it for this long.": (
        "Sự kiện kết thúc khi người để lại đã ở bên vật chừng này lâu."
    ),
    "The law's limit here.": "Giới hạn theo luật ở đây.",
    "The longer side of the object; a smaller thing is none.": "Cạnh dài của vật; nhỏ hơn thì không tính.",
    "The longer side of what was left; a smaller thing is none.": (
        "Cạnh dài của vật bị để lại; nhỏ hơn thì không tính."
    ),
    "The lower limit.": "Mức thấp hơn.",
    "The motion gate: a quiet scene costs decoding only.": "Lọc chuyển động: cảnh yên thì chỉ tốn giải mã.",
    "The next zone must be reached this long after the last was left: later it is another drive.": (
        "Phải tới vùng tiếp theo trong chừng này lâu sau khi rời vùng trước: muộn hơn là chuyến khác."
    ),
    "The object has been there for this long.": "Vật đã ở đó chừng này lâu.",
    "The same as a share of its height.": "Cũng vậy, theo chiều cao hình.",
    "The same in heights of the two people, without a homography: 2.5 m over a 1.65 m adult is about 1.5.": (
        "Khi không có điểm chuẩn: tính theo chiều cao của hai người; 2,5 m chia cho người lớn 1,65 m là khoảng 1,5."
    ),
    "The same points on the ground, in metres, in the same order; any origin and axes.": (
        "Chính các điểm đó trên mặt đất, bằng mét, cùng thứ tự; gốc và trục tùy chọn."
    ),
    "The stop line; its `into` is the junction.": "Vạch dừng; `into` của vạch là nút giao.",
    "The traffic light.": "Đèn giao thông.",
    "The view is wrong for this long before an event is raised.": "Góc nhìn sai chừng này lâu thì báo.",
    "The village (a place of site.yaml) whose officers and residents see its incidents.": (
        "Thôn (trong site.yaml) mà cán bộ và người dân thấy vụ việc của camera."
    ),
    "The whole of a camera file.": "Toàn bộ tệp của một camera.",
    "The zone on the line's far side.": "Vùng ở phía bên kia vạch.",
    "They went: farther away than this ...": "Họ đã đi: xa hơn chừng này ...",
    "Third radial coefficient.": "Hệ số méo thứ ba.",
    "Traffic lights by id; rules name them.": "Đèn giao thông theo mã; quy tắc gọi bằng mã.",
    "Travel at more than this angle to the lane's direction opposes it.": (
        "Đi lệch hướng làn quá góc này là ngược chiều."
    ),
    "Travel within this angle of the lane's direction ends the event.": (
        "Đi trong khoảng góc này so với hướng làn thì sự kiện kết thúc."
    ),
    "Turning back in one zone, with a homography: so far one way, then so far back, so far beside its own way ...": (
        "Quay đầu trong một vùng, khi có điểm chuẩn: đi chừng này, quay lại chừng này, lệch khỏi đường cũ chừng này ..."
    ),
    "Two people nearer than this belong to one cluster; used where the camera has a homography.": (
        "Hai người gần hơn chừng này thì cùng nhóm; dùng khi camera có điểm chuẩn mặt đất."
    ),
    "Two zones or more in the forbidden order; or one with a `direction`, in which nobody may turn back.": (
        "Từ hai vùng theo thứ tự bị cấm; hoặc một vùng có `direction` mà không ai được quay đầu."
    ),
    "What a detection of a class must be like to count, by class.": (
        "Theo từng loại, kết quả dò phải thế nào thì mới tính."
    ),
    "What a detection of a class must be like to count.": "Kết quả dò của một loại phải thế nào thì mới tính.",
    "What decodes `detect`; anything but `cpu` is tried when the stream opens, and falls back to `cpu`.": (
        "Giải mã `detect` bằng gì; ngoài `cpu` ra thì thử khi mở luồng, không được thì dùng `cpu`."
    ),
    "What is decided; each entry has a `kind` and the keys of that kind below. `camera_offline` and "
    "`camera_tampered` are in force without an entry.": (
        "Các quy tắc; mỗi mục có `kind` và các khóa của loại đó. `camera_offline` và `camera_tampered` "
        "luôn có hiệu lực dù không ghi."
    ),
    "What is kept of an event.": "Giữ lại gì của một sự kiện.",
    "What is kept, without pictures, of what the rules saw: `langan-edge replay --observations` asks "
    "it what a changed configuration would have said.": (
        "Giữ lại điều quy tắc đã thấy, không có hình: để thử xem cấu hình đã sửa sẽ báo gì."
    ),
    "What must never be stored.": "Những gì không bao giờ được lưu.",
    "What still lies there after this long has been told: the event ends.": (
        "Vật vẫn nằm đó sau chừng này lâu thì coi như đã báo: sự kiện kết thúc."
    ),
    "What the controller calls the colours, where it does not say red, yellow and green; capitals do not matter.": (
        "Tủ điều khiển gọi các màu thế nào, nếu không phải red, yellow, green; không phân biệt hoa thường."
    ),
    "What the line is for.": "Vạch dùng làm gì.",
    "What the zone is on the ground.": "Vùng là gì trên mặt đất.",
    "When the lower limit holds.": "Khi nào mức thấp hơn có hiệu lực.",
    "When the rule is in force; None means always.": "Quy tắc có hiệu lực khi nào; để trống là luôn luôn.",
    "Where in the JSON object the state stands; inner objects by dots: `signal.1.colour`.": (
        "Màu nằm ở đâu trong JSON; đối tượng bên trong cách bằng dấu chấm: `signal.1.colour`."
    ),
    "Where in the plan midnight (site time) falls.": "Nửa đêm (giờ địa phương) rơi vào giây thứ mấy của chu kỳ.",
    "Where the lens' axis meets the picture, as a share of its width.": (
        "Trục ống kính cắt hình ở đâu, theo chiều rộng."
    ),
    "Which camera this is and where it belongs.": "Camera nào, thuộc về đâu.",
    "Which camera this is.": "Camera nào.",
    "Which rule this is.": "Quy tắc nào.",
    "Who has kept to one place for this long stands there; passers-by do not.": (
        "Ai ở yên một chỗ chừng này lâu là đứng đó; người đi qua thì không."
    ),
    "Who takes longer from one side to the other does something else there.": (
        "Ai đi từ bên này sang bên kia lâu hơn thì đang làm việc khác."
    ),
    "Who was away, or not to be found, for longer begins anew; an open event ends.": (
        "Ai vắng mặt hoặc mất dấu lâu hơn thì tính lại từ đầu; sự kiện đang mở kết thúc."
    ),
    "Whoever was nearest when it appeared, and no farther than this, left it; so near again, they are"
    " with it. Without a homography lengths are measured in people: one metre is 0.6 of the height of"
    " a person who stands there.": (
        "Ai gần nhất khi vật xuất hiện, không xa hơn chừng này, là người để lại; lại gần như thế là đang "
        "ở bên vật. Không có điểm chuẩn thì đo theo người: một mét bằng 0,6 chiều cao người đứng đó."
    ),
    "Whoever was nearest when the object appeared, and no farther than this, left it. Without a "
    "homography lengths are measured in people: one metre is 0.6 of the height of a person who stands"
    " there.": (
        "Ai gần nhất khi vật xuất hiện, không xa hơn chừng này, là người để lại. Không có điểm chuẩn thì "
        "đo theo người: một mét bằng 0,6 chiều cao người đứng đó."
    ),
    "Why this camera looks here: shown on the notice sign and the transparency page.": (
        "Vì sao camera nhìn chỗ này: ghi trên biển thông báo và trang công khai."
    ),
    "Width divided by height, in pixels.": "Chiều rộng chia cho chiều cao, theo điểm ảnh.",
    "With a homography: slower is somebody who pushes a motorbike. 0 counts them, too.": (
        "Khi có điểm chuẩn: chậm hơn là người dắt xe. 0 là tính cả họ."
    ),
    "Without a homography: distance in lengths of the vehicle's own box.": (
        "Không có điểm chuẩn: quãng đường tính bằng chiều dài khung của chính xe."
    ),
    "Without a homography: the least in lengths of the vehicle's own box ...": (
        "Không có điểm chuẩn: ít nhất, tính bằng chiều dài khung của chính xe ..."
    ),
    "Without a homography: the same in lengths of the vehicle's own box.": (
        "Không có điểm chuẩn: cũng vậy, tính bằng chiều dài khung của chính xe."
    ),
    "Without it nothing is told in metres or metres a second.": (
        "Không có thì không có gì được tính bằng mét hay mét trên giây."
    ),
    "Zones the rule watches. Empty means the whole picture, where the rule allows that.": (
        "Các vùng mà quy tắc xem. Để trống là cả hình, nếu quy tắc cho phép."
    ),
    "`[colour, seconds]` in order, repeated.": "`[màu, số giây]` theo thứ tự, lặp lại.",
    "`[left, top, right, bottom]` around the housing with all its lights and nothing else.": (
        "`[trái, trên, phải, dưới]` quanh hộp đèn, đủ các đèn và không có gì khác."
    ),
    "`detect`: searched for objects (the sub-stream, if there is one); `record`: evidence clips are cut from it.": (
        "`detect`: dùng để dò (luồng phụ, nếu có); `record`: cắt phim bằng chứng từ luồng này."
    ),
    "`http`: asked again and again.": "`http`: hỏi đi hỏi lại.",
    "`lamp`: a box around the lights.": "`lamp`: khung quanh hộp đèn.",
    "`motion`: beside the whole picture, one part of it in which something small moves is searched at"
    " full resolution: finds more small vehicles far away, for two searches instead of one. Needs the"
    " motion gate.": (
        "`motion`: ngoài cả hình, còn dò kỹ một phần có vật nhỏ chuyển động: thấy thêm xe nhỏ ở xa, tốn "
        "hai lần dò. Cần bật lọc chuyển động."
    ),
    "`plan`: a fixed sequence of phases.": "`plan`: chu kỳ cố định.",
    "`vertical`: red on top, green at the bottom; `horizontal`: red on the left. A light's place then"
    " tells its colour where glare has washed that out. Leave it out where the box holds a single "
    "light.": (
        "`vertical`: đỏ ở trên, xanh ở dưới; `horizontal`: đỏ bên trái. Nhờ vậy biết màu theo vị trí khi "
        "bị chói. Bỏ qua nếu khung chỉ có một đèn."
    ),
    "false: every frame at `detect.fps` is searched.": "false: dò mọi hình theo `detect.fps`.",
    "false: silence of this camera is no event.": "false: camera này mất hình thì không báo.",
    "false: the camera is not read.": "false: không đọc camera này.",
    "false: what happens to this camera's view is no event (a camera that turns by itself).": (
        "false: góc nhìn thay đổi thì không báo (camera tự quay)."
    ),
    "http:// or https://, in your own network; `{LANGAN_...}` from the environment.": (
        "http:// hoặc https://, trong mạng của bạn; `{LANGAN_...}` lấy từ biến môi trường."
    ),
    "https: `verify` refuses a certificate that this machine does not trust; `any` takes whatever is shown.": (
        "https: `verify` từ chối chứng chỉ không tin cậy; `any` nhận mọi chứng chỉ."
    ),
    "rtsp://, rtsps://, http://, https:// (a playlist ends in .m3u8), /dev/video0 to /dev/video99, or"
    " a file below the media folder; `{LANGAN_...}` from the environment.": (
        "rtsp://, rtsps://, http://, https:// (danh sách phát kết thúc bằng .m3u8), /dev/video0 đến "
        "/dev/video99, hoặc tệp trong thư mục phim; `{LANGAN_...}` lấy từ biến môi trường."
    ),
    "rtsps and https: `any` accepts whatever certificate the camera shows, as nearly all cameras sign"
    " their own; `verify` refuses one that this machine does not trust, or that is not made out to "
    "the address.": (
        "rtsps và https: `any` nhận mọi chứng chỉ của camera, vì hầu hết camera tự ký; `verify` từ chối "
        "chứng chỉ không tin cậy hoặc không đúng địa chỉ."
    ),
    "true: keep boxes, classes and times of everything that was followed. Off unless somebody wants "
    "to try changes: it holds the ways of people who did nothing.": (
        "true: giữ khung, loại và giờ của mọi thứ đã theo dõi. Chỉ bật khi muốn thử thay đổi: trong đó có"
        " đường đi của người không làm gì sai."
    ),
    "true: read them. Whether your law and your purpose allow it is yours to settle first (docs/guide/privacy.md).": (
        "true: đọc biển số. Luật và mục đích có cho phép không, bạn phải xét trước (docs/guide/privacy.md)."
    ),
}
